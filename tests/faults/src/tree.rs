//! All nodes of a disk, and what programs do to them. A failure is the error a program is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::time::SystemTime;

use fuser::{Errno, FileType, RenameFlags};

use crate::chance::Chance;
use crate::content::Content;
use crate::directory::{Directory, Number};
use crate::node::{Kind, Node, Owner};

/// The number of the directory that is mounted.
pub(crate) const ROOT: Number = 1;

/// What `setattr` may change, and what stays.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    pub(crate) mode: Option<u16>,
    pub(crate) user: Option<u32>,
    pub(crate) group: Option<u32>,
    pub(crate) size: Option<u64>,
    pub(crate) modified: Option<SystemTime>,
}

/// The nodes by their numbers, which are never used again.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: BTreeMap<Number, Node>,
    last: Number,
    /// Bytes in files.
    used: u64,
    /// Bytes that fit.
    pub(crate) room: u64,
}

impl Tree {
    pub(crate) fn new(owner: Owner, now: SystemTime) -> Tree {
        let mut root = Node::new(Kind::Directory(Directory::default()), owner, now);
        root.links = 1;
        Tree { nodes: BTreeMap::from([(ROOT, root)]), last: ROOT, used: 0, room: u64::MAX }
    }

    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    pub(crate) fn node(&self, number: Number) -> Result<&Node, Errno> {
        self.nodes.get(&number).ok_or(Errno::ENOENT)
    }

    pub(crate) fn node_mut(&mut self, number: Number) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&number).ok_or(Errno::ENOENT)
    }

    pub(crate) fn directory(&self, number: Number) -> Result<&Directory, Errno> {
        match &self.node(number)?.kind {
            Kind::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn directory_mut(&mut self, number: Number) -> Result<&mut Directory, Errno> {
        match &mut self.node_mut(number)?.kind {
            Kind::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn file_mut(&mut self, number: Number) -> Result<&mut Content, Errno> {
        match &mut self.node_mut(number)?.kind {
            Kind::File(content) => Ok(content),
            Kind::Directory(_) => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        }
    }

    pub(crate) fn lookup(&self, parent: Number, name: &OsStr) -> Result<Number, Errno> {
        self.directory(parent)?.get(name).ok_or(Errno::ENOENT)
    }

    pub(crate) fn list(&self, number: Number) -> Result<Vec<(Number, FileType, OsString)>, Errno> {
        let names = self.directory(number)?.names();
        let listed = names.iter().map(|(name, number)| {
            let kind = self.node(*number)?.attributes(*number).kind;
            Ok((*number, kind, name.clone()))
        });
        let dots = [".", ".."].map(|dot| Ok((number, FileType::Directory, dot.into())));
        dots.into_iter().chain(listed).collect()
    }

    pub(crate) fn make(
        &mut self,
        parent: Number,
        name: &OsStr,
        node: Node,
    ) -> Result<Number, Errno> {
        if self.directory(parent)?.get(name).is_some() {
            return Err(Errno::EEXIST);
        }
        self.last += 1;
        let (number, now) = (self.last, node.modified);
        self.nodes.insert(number, node);
        self.point(parent, name, number, now)?;
        Ok(number)
    }

    /// One more name for a node.
    pub(crate) fn point(
        &mut self,
        parent: Number,
        name: &OsStr,
        number: Number,
        now: SystemTime,
    ) -> Result<(), Errno> {
        if self.directory(parent)?.get(name).is_some() {
            return Err(Errno::EEXIST);
        }
        self.node_mut(number)?.links += 1;
        self.directory_mut(parent)?.change(vec![(name.to_owned(), Some(number))]);
        self.node_mut(parent)?.modified = now;
        Ok(())
    }

    pub(crate) fn remove(
        &mut self,
        parent: Number,
        name: &OsStr,
        directory: bool,
        now: SystemTime,
    ) -> Result<(), Errno> {
        let number = self.lookup(parent, name)?;
        match (self.directory(number), directory) {
            (Ok(inner), true) if !inner.names().is_empty() => return Err(Errno::ENOTEMPTY),
            (Ok(_), false) => return Err(Errno::EISDIR),
            (Err(_), true) => return Err(Errno::ENOTDIR),
            _ => {}
        }
        self.directory_mut(parent)?.change(vec![(name.to_owned(), None)]);
        self.node_mut(parent)?.modified = now;
        self.unlink(number)
    }

    fn unlink(&mut self, number: Number) -> Result<(), Errno> {
        self.node_mut(number)?.links -= 1;
        self.rest(number)
    }

    /// Moves a name. Within a directory that is one change; between two it is one in each.
    pub(crate) fn rename(
        &mut self,
        (parent, name): (Number, &OsStr),
        (to, new): (Number, &OsStr),
        flags: RenameFlags,
        now: SystemTime,
    ) -> Result<(), Errno> {
        let number = self.lookup(parent, name)?;
        let replaced = self.directory(to)?.get(new);
        if flags.intersects(RenameFlags::RENAME_EXCHANGE | RenameFlags::RENAME_WHITEOUT) {
            return Err(Errno::EINVAL);
        }
        match replaced {
            Some(_) if flags.contains(RenameFlags::RENAME_NOREPLACE) => return Err(Errno::EEXIST),
            Some(replaced) if replaced == number => return Ok(()),
            Some(replaced) if self.directory(replaced).is_ok_and(|it| !it.names().is_empty()) => {
                return Err(Errno::ENOTEMPTY);
            }
            _ => {}
        }
        let (gone, come) = ((name.to_owned(), None), (new.to_owned(), Some(number)));
        if parent == to {
            self.directory_mut(parent)?.change(vec![gone, come]);
        } else {
            self.directory_mut(parent)?.change(vec![gone]);
            self.directory_mut(to)?.change(vec![come]);
        }
        for touched in [parent, to] {
            self.node_mut(touched)?.modified = now;
        }
        replaced.map_or(Ok(()), |replaced| self.unlink(replaced))
    }

    pub(crate) fn open(&mut self, number: Number) -> Result<(), Errno> {
        self.node_mut(number)?.opened += 1;
        Ok(())
    }

    pub(crate) fn close(&mut self, number: Number) -> Result<(), Errno> {
        self.node_mut(number)?.opened -= 1;
        self.rest(number)
    }

    fn rest(&mut self, number: Number) -> Result<(), Errno> {
        let before = self.size(number);
        self.node_mut(number)?.rest();
        self.used = self.used - before + self.size(number);
        Ok(())
    }

    fn size(&self, number: Number) -> u64 {
        match self.nodes.get(&number).map(|node| &node.kind) {
            Some(Kind::File(content)) => content.len() as u64,
            _ => 0,
        }
    }

    pub(crate) fn write(
        &mut self,
        number: Number,
        at: u64,
        bytes: &[u8],
        now: SystemTime,
    ) -> Result<(), Errno> {
        self.grow(number, at + bytes.len() as u64)?;
        self.file_mut(number)?.write(index(at)?, bytes);
        self.node_mut(number)?.modified = now;
        Ok(())
    }

    pub(crate) fn change(
        &mut self,
        number: Number,
        wish: &Wish,
        now: SystemTime,
    ) -> Result<(), Errno> {
        if let Some(size) = wish.size {
            self.grow(number, size)?;
            self.used -= self.size(number).saturating_sub(size);
            self.file_mut(number)?.resize(index(size)?);
        }
        let node = self.node_mut(number)?;
        node.owner.mode = wish.mode.unwrap_or(node.owner.mode);
        node.owner.user = wish.user.unwrap_or(node.owner.user);
        node.owner.group = wish.group.unwrap_or(node.owner.group);
        let touched = wish.size.map(|_| now);
        node.modified = wish.modified.or(touched).unwrap_or(node.modified);
        Ok(())
    }

    /// Takes the room a file of this length needs, if it is longer than it was.
    fn grow(&mut self, number: Number, length: u64) -> Result<(), Errno> {
        let more = length.saturating_sub(self.size(number));
        if more > 0 && self.used + more > self.room {
            return Err(Errno::ENOSPC);
        }
        self.used += more;
        Ok(())
    }

    /// What a power cut leaves; answers how many changes it took.
    pub(crate) fn lose(&mut self, chance: &mut Chance) -> u64 {
        let lost = self.nodes.values_mut().map(|node| node.lose(chance)).sum();
        let mut reached = BTreeSet::from([ROOT]);
        let mut next = vec![ROOT];
        self.nodes.entry(ROOT).and_modify(|root| root.links = 1);
        while let Some(number) = next.pop() {
            let Ok(directory) = self.directory(number) else { continue };
            let names: Vec<Number> = directory.names().values().copied().collect();
            for number in names {
                self.nodes.entry(number).and_modify(|node| node.links += 1);
                if reached.insert(number) {
                    next.push(number);
                }
            }
        }
        self.nodes.retain(|number, _| reached.contains(number));
        self.used = reached.iter().map(|number| self.size(*number)).sum();
        lost
    }
}

fn index(at: u64) -> Result<usize, Errno> {
    usize::try_from(at).map_err(|_| Errno::EFBIG)
}
