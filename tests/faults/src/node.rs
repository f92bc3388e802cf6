//! What a name leads to: a file, a directory, a symbolic link, a socket or a pipe.

use std::path::PathBuf;
use std::time::SystemTime;

use fuser::{FileAttr, FileType, INodeNo};

use crate::chance::Chance;
use crate::content::Content;
use crate::directory::{Directory, Number};

/// What it is, with what is in it.
#[derive(Debug)]
pub(crate) enum Kind {
    File(Content),
    Directory(Directory),
    Link(PathBuf),
    /// A socket or a pipe: a name for something that is not on disk.
    Special(FileType),
}

/// Whose it is and who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) mode: u16,
    pub(crate) user: u32,
    pub(crate) group: u32,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) owner: Owner,
    safe_owner: Owner,
    pub(crate) modified: SystemTime,
    /// How many names lead to it.
    pub(crate) links: u32,
    /// How often it is open.
    pub(crate) opened: u32,
}

impl Node {
    pub(crate) fn new(kind: Kind, owner: Owner, now: SystemTime) -> Node {
        Node { kind, owner, safe_owner: owner, modified: now, links: 0, opened: 0 }
    }

    /// The moment a sync that begins now makes safe.
    pub(crate) fn mark(&self) -> u64 {
        match &self.kind {
            Kind::File(content) => content.mark(),
            Kind::Directory(directory) => directory.mark(),
            Kind::Link(_) | Kind::Special(_) => 0,
        }
    }

    /// Everything of it up to that moment is safe; not the names that lead to it.
    pub(crate) fn sync(&mut self, mark: u64) {
        self.safe_owner = self.owner;
        match &mut self.kind {
            Kind::File(content) => content.sync(mark),
            Kind::Directory(directory) => directory.sync(mark),
            Kind::Link(_) | Kind::Special(_) => {}
        }
    }

    /// What a power cut leaves of it; answers how many changes it took.
    pub(crate) fn lose(&mut self, chance: &mut Chance) -> u64 {
        (self.owner, self.links, self.opened) = (self.safe_owner, 0, 0);
        match &mut self.kind {
            Kind::File(content) => content.lose(chance),
            Kind::Directory(directory) => directory.lose(chance),
            Kind::Link(_) | Kind::Special(_) => 0,
        }
    }

    /// Nobody has it open and no name leads to it any more: only what is safe may come back.
    pub(crate) fn rest(&mut self) {
        if self.links == 0
            && self.opened == 0
            && let Kind::File(content) = &mut self.kind
        {
            content.forget_live();
        }
    }

    /// What `stat` shows.
    pub(crate) fn attributes(&self, number: Number) -> FileAttr {
        const BLOCK_BYTES: u64 = 512;
        let (size, kind) = match &self.kind {
            Kind::File(content) => (content.len() as u64, FileType::RegularFile),
            Kind::Directory(_) => (0, FileType::Directory),
            Kind::Link(to) => (to.as_os_str().len() as u64, FileType::Symlink),
            Kind::Special(kind) => (0, *kind),
        };
        FileAttr {
            ino: INodeNo(number),
            size,
            blocks: size.div_ceil(BLOCK_BYTES),
            atime: self.modified,
            mtime: self.modified,
            ctime: self.modified,
            crtime: self.modified,
            kind,
            perm: self.owner.mode,
            nlink: self.links.max(1),
            uid: self.owner.user,
            gid: self.owner.group,
            rdev: 0,
            flags: 0,
            blksize: 4096,
        }
    }
}
