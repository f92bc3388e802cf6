//! Artifacts: files named by the BLAKE3 of their content, whole or not there.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use fs_err::{self as fs, File};

use super::Error;
use super::log::{Archive, blocking};
use super::paths::Paths;
use super::syncer::sync_directory;

/// Bytes read at a time when an artifact is verified.
const BUFFER_BYTES: usize = 256 << 10;
/// Numbers the files being written; a restart clears them, so it may begin again.
static WRITERS: AtomicU64 = AtomicU64::new(0);

/// An artifact that is stored, durable, and can be opened by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// BLAKE3 of its bytes, in hex.
    pub hash: String,
    /// How many bytes.
    pub size: u64,
}

/// Takes the bytes of one artifact. Dropped without `commit` it leaves nothing behind.
pub struct ArtifactWriter {
    paths: Paths,
    /// None while a write is under way, and after one failed.
    incoming: Option<Incoming>,
    limit_bytes: u64,
}

/// A file that grows beside its hash; removed when dropped.
struct Incoming {
    file: File,
    path: PathBuf,
    hasher: blake3::Hasher,
    size: u64,
    kept: bool,
}

impl Archive {
    /// Begins an artifact of at most `limit_bytes`.
    ///
    /// # Errors
    /// When no file can be made for it.
    pub fn artifact_writer(&self, limit_bytes: u64) -> Result<ArtifactWriter, Error> {
        let paths = self.inner.paths.clone();
        let number = WRITERS.fetch_add(1, Ordering::Relaxed);
        let path = paths.incoming().join(format!("{number}.part"));
        let file = File::create(&path)?;
        let incoming = Incoming { file, path, hasher: blake3::Hasher::new(), size: 0, kept: false };
        Ok(ArtifactWriter { paths, incoming: Some(incoming), limit_bytes })
    }

    /// Opens an artifact for reading.
    ///
    /// # Errors
    /// `NotAHash`, `NoArtifact`, or what the disk says.
    pub fn open_artifact(&self, hash: &str) -> Result<File, Error> {
        let path = self.inner.paths.artifact(hash)?;
        File::open(path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => Error::NoArtifact(hash.to_owned()),
            _ => e.into(),
        })
    }

    /// Reads an artifact whole and compares its bytes with its name; answers its size. Blocks.
    ///
    /// # Errors
    /// `WrongHash` when it is damaged; otherwise as `open_artifact`.
    pub fn verify_artifact(&self, hash: &str) -> Result<u64, Error> {
        let mut file = self.open_artifact(hash)?;
        let (found, size) = hash_of(&mut file)?;
        expect_hash(hash, found)?;
        Ok(size)
    }
}

impl ArtifactWriter {
    /// Appends bytes.
    ///
    /// # Errors
    /// `TooLarge`, or what the disk says. The writer is then of no further use.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]> + Send + 'static) -> Result<(), Error> {
        let mut incoming = self.take()?;
        let limit_bytes = self.limit_bytes;
        if incoming.size + bytes.as_ref().len() as u64 > limit_bytes {
            return Err(Error::TooLarge { limit_bytes });
        }
        let grown = blocking(move || {
            incoming.write(bytes.as_ref())?;
            Ok(incoming)
        });
        self.incoming = Some(grown.await?);
        Ok(())
    }

    /// Makes the artifact durable under its hash. One that is there already is kept, and this one
    /// removed.
    ///
    /// # Errors
    /// `WrongHash` when the bytes are not those announced, or what the disk says. Nothing is
    /// stored then.
    pub async fn commit(mut self, expected_hash: Option<&str>) -> Result<Stored, Error> {
        let incoming = self.take()?;
        let paths = self.paths.clone();
        let expected = expected_hash.map(str::to_owned);
        blocking(move || incoming.commit(&paths, expected.as_deref())).await
    }

    fn take(&mut self) -> Result<Incoming, Error> {
        self.incoming.take().ok_or(Error::Stopped("an earlier write of this artifact failed"))
    }
}

impl Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// File durable, then its name, then the row that refers to it (which is the caller's).
    fn commit(mut self, paths: &Paths, expected: Option<&str>) -> Result<Stored, Error> {
        let hash = self.hasher.finalize().to_hex().to_string();
        if let Some(expected) = expected {
            expect_hash(expected, hash.clone())?;
        }
        let target = paths.artifact(&hash)?;
        let shard = target.parent().expect("an artifact lies in a shard");
        let there = fs::metadata(&target).is_ok_and(|there| there.len() == self.size);
        if !there {
            self.file.sync_all()?;
            fs::create_dir_all(shard)?;
            fs::rename(&self.path, &target)?;
            self.kept = true;
        }
        // Also when it was there: whoever put it there may not have come this far.
        sync_directory(&paths.artifacts)?;
        sync_directory(shard)?;
        Ok(Stored { hash, size: self.size })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "an unfinished artifact stays until the next start");
        }
    }
}

fn expect_hash(expected: &str, found: String) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    Err(Error::WrongHash { expected: expected.to_owned(), found })
}

fn hash_of(source: &mut impl Read) -> io::Result<(String, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut size = 0;
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok((hasher.finalize().to_hex().to_string(), size)),
            n => {
                hasher.update(&buffer[..n]);
                size += n as u64;
            }
        }
    }
}
