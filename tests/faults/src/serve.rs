//! What the kernel asks, answered from the tree. The kernel is the only one who changes it, so it
//! may keep what it was told.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow,
    WriteFlags,
};

use crate::content::Content;
use crate::directory::{Directory, Number};
use crate::disk::{Shared, State, now};
use crate::node::{Kind, Node, Owner};
use crate::tree::{Tree, Wish};

/// How long the kernel may keep what it was told.
const KEEP: Duration = Duration::from_secs(3600);
const GENERATION: Generation = Generation(0);
/// What files have of the mode that programs ask for.
const MODE_BITS: u32 = 0o7777;
/// What kind of node `mknod` is to make.
const KIND_BITS: u32 = 0o170_000;
const SOCKET: u32 = 0o140_000;
const PIPE: u32 = 0o010_000;
const REGULAR: u32 = 0o100_000;

/// What is listed in an opened directory: as it was when it was opened.
type Listing = Vec<(Number, FileType, OsString)>;

/// One mount of the disk.
pub(crate) struct Served {
    shared: Arc<Shared>,
    /// Which mount it is.
    number: u64,
    listings: Mutex<BTreeMap<u64, Listing>>,
}

impl Served {
    pub(crate) fn new(shared: Arc<Shared>, number: u64) -> Served {
        Served { shared, number, listings: Mutex::default() }
    }

    fn read<T>(&self, look: impl FnOnce(&Tree) -> Result<T, Errno>) -> Result<T, Errno> {
        look(&self.shared.on(self.number)?.tree)
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut Tree, SystemTime) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        change(&mut self.shared.on(self.number)?.tree, now())
    }

    fn make(
        &self,
        (parent, name): (INodeNo, &OsStr),
        kind: Kind,
        request: &Request,
        mode: u32,
    ) -> Result<FileAttr, Errno> {
        let mode = u16::try_from(mode & MODE_BITS).expect("twelve bits");
        let owner = Owner { mode, user: request.uid(), group: request.gid() };
        self.change(|tree, now| {
            let number = tree.make(parent.0, name, Node::new(kind, owner, now))?;
            Ok(tree.node(number)?.attributes(number))
        })
    }

    fn listings(&self) -> MutexGuard<'_, BTreeMap<u64, Listing>> {
        self.listings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is there now is safe, once this is answered: at once, or later on a slow disk.
    fn sync(&self, ino: INodeNo, reply: ReplyEmpty) {
        let begun = self
            .shared
            .on(self.number)
            .and_then(|state| Ok((state.tree.node(ino.0)?.mark(), state.delay)));
        let (mark, delay) = match begun {
            Ok(begun) => begun,
            Err(error) => return reply.error(error),
        };
        let (shared, number) = (Arc::clone(&self.shared), self.number);
        let end =
            move || answer(shared.on(number).and_then(|state| settle(state, ino, mark)), reply);
        if delay.is_zero() {
            return end();
        }
        std::thread::spawn(move || {
            #[expect(clippy::disallowed_methods, reason = "to take its time is what it is for")]
            std::thread::sleep(delay);
            end();
        });
    }
}

fn settle(mut state: MutexGuard<'_, State>, ino: INodeNo, mark: u64) -> Result<(), Errno> {
    state.figures.syncs += 1;
    state.tree.node_mut(ino.0)?.sync(mark);
    Ok(())
}

fn answer(result: Result<(), Errno>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

fn entry(result: Result<FileAttr, Errno>, reply: ReplyEntry) {
    match result {
        Ok(attributes) => reply.entry(&KEEP, &attributes, GENERATION),
        Err(error) => reply.error(error),
    }
}

fn attr(result: Result<FileAttr, Errno>, reply: ReplyAttr) {
    match result {
        Ok(attributes) => reply.attr(&KEEP, &attributes),
        Err(error) => reply.error(error),
    }
}

impl Filesystem for Served {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // Larger writes are torn by us, not by the kernel; a kernel that knows less is fine too.
        let _ = config.set_max_write(1 << 20);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.read(|tree| {
            let number = tree.lookup(parent.0, name)?;
            Ok(tree.node(number)?.attributes(number))
        });
        entry(found, reply);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        attr(self.read(|tree| Ok(tree.node(ino.0)?.attributes(ino.0))), reply);
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        user: Option<u32>,
        group: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mode = mode.map(|mode| u16::try_from(mode & MODE_BITS).expect("twelve bits"));
        let modified = modified.map(|time| match time {
            TimeOrNow::SpecificTime(time) => time,
            TimeOrNow::Now => now(),
        });
        let wish = Wish { mode, user, group, size, modified };
        let changed = self.change(|tree, now| {
            tree.change(ino.0, &wish, now)?;
            Ok(tree.node(ino.0)?.attributes(ino.0))
        });
        attr(changed, reply);
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        let target = self.read(|tree| match &tree.node(ino.0)?.kind {
            Kind::Link(to) => Ok(to.clone()),
            _ => Err(Errno::EINVAL),
        });
        match target {
            Ok(target) => reply.data(target.as_os_str().as_encoded_bytes()),
            Err(error) => reply.error(error),
        }
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let kind = match mode & KIND_BITS {
            SOCKET => Kind::Special(FileType::Socket),
            PIPE => Kind::Special(FileType::NamedPipe),
            0 | REGULAR => Kind::File(Content::default()),
            _ => return reply.error(Errno::EPERM),
        };
        entry(self.make((parent, name), kind, request, mode & !umask), reply);
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let kind = Kind::Directory(Directory::default());
        entry(self.make((parent, name), kind, request, mode & !umask), reply);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(self.change(|tree, now| tree.remove(parent.0, name, false, now)), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(self.change(|tree, now| tree.remove(parent.0, name, true, now)), reply);
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let kind = Kind::Link(target.to_owned());
        entry(self.make((parent, name), kind, request, 0o777), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        to: INodeNo,
        new: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let renamed =
            self.change(|tree, now| tree.rename((parent.0, name), (to.0, new), flags, now));
        answer(renamed, reply);
    }

    fn link(&self, _: &Request, ino: INodeNo, to: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let linked = self.change(|tree, now| {
            tree.point(to.0, name, ino.0, now)?;
            Ok(tree.node(ino.0)?.attributes(ino.0))
        });
        entry(linked, reply);
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.change(|tree, _| tree.open(ino.0)) {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
            Err(error) => reply.error(error),
        }
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let kind = Kind::File(Content::default());
        let made = self.make((parent, name), kind, request, mode & !umask);
        let opened =
            made.and_then(|made| self.change(|tree, _| tree.open(made.ino.0)).map(|()| made));
        match opened {
            Ok(made) => {
                let keep = FopenFlags::FOPEN_KEEP_CACHE;
                reply.created(&KEEP, &made, GENERATION, FileHandle(0), keep);
            }
            Err(error) => reply.error(error),
        }
    }

    fn release(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        answer(self.change(|tree, _| tree.close(ino.0)), reply);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let bytes = self.read(|tree| match &tree.node(ino.0)?.kind {
            Kind::File(content) => {
                let at = usize::try_from(offset).map_err(|_| Errno::EFBIG)?;
                Ok(content.read(at, size as usize).to_vec())
            }
            _ => Err(Errno::EINVAL),
        });
        match bytes {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.change(|tree, now| tree.write(ino.0, offset, data, now)) {
            Ok(()) => reply.written(u32::try_from(data.len()).expect("one request's")),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.sync(ino, reply);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.sync(ino, reply);
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.read(|tree| tree.list(ino.0)) {
            Ok(listing) => {
                let mut listings = self.listings();
                let handle = listings.last_key_value().map_or(0, |(last, _)| last + 1);
                listings.insert(handle, listing);
                reply.opened(FileHandle(handle), FopenFlags::empty());
            }
            Err(error) => reply.error(error),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listings = self.listings();
        let Some(listing) = listings.get(&handle.0) else { return reply.error(Errno::EBADF) };
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        for (at, (number, kind, name)) in listing.iter().enumerate().skip(from) {
            if reply.add(INodeNo(*number), at as u64 + 1, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.listings().remove(&handle.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        const BLOCK_BYTES: u32 = 4096;
        /// What a disk without a limit says it has.
        const MOST_BYTES: u64 = 1 << 40;
        let room = self.read(|tree| Ok((tree.room.min(MOST_BYTES), tree.used())));
        match room {
            Ok((room, used)) => {
                let blocks = |bytes: u64| bytes / u64::from(BLOCK_BYTES);
                let (all, free) = (blocks(room), blocks(room.saturating_sub(used)));
                reply.statfs(all, free, free, 1 << 20, 1 << 20, BLOCK_BYTES, 255, BLOCK_BYTES);
            }
            Err(error) => reply.error(error),
        }
    }
}
