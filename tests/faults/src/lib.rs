//! A disk that loses what was not synced when its power is cut. It is a file system (FUSE) that
//! lives in this process, is mounted where a test wants it, and keeps two states of everything: the
//! one that programs see, and the one that would be found after a power cut.
//!
//! It is as strict as POSIX lets a file system be:
//!
//! * bytes, length and mode of a file are safe once *that file* was synced;
//! * a name – made, moved or removed – is safe once *its directory* was synced, nothing sooner: not
//!   by syncing the file, and of a move between two directories each half by itself;
//! * of what is not safe nothing survives ([`Loss::All`]), or what chance wants ([`Loss::Some`]):
//!   each sector of each write, each change of length, each change of a directory for itself, so
//!   that later ones survive earlier ones and writes are torn.
//!
//! A disk can also be slow: then every sync takes its time, and is true only at the end of it.
//!
//! The test's way: [`Disk::mount`], run programs, [`Disk::cut`], kill them all, [`Disk::restore`],
//! start them again on what is left.

mod chance;
mod content;
mod directory;
mod disk;
mod node;
mod pending;
mod serve;
mod tree;

pub use disk::{Disk, Figures, Loss, Unavailable};
