//! Where things lie: paths derive from ids and hashes, so that no row has to hold them.

use std::path::{Path, PathBuf};

use steading_core::words::LogId;

use super::Error;

/// How many entries a directory of logs has at most.
const FAN_OUT: i64 = 1000;

/// The directories of an archive.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    pub(super) logs: PathBuf,
    pub(super) artifacts: PathBuf,
}

impl Paths {
    pub(super) fn of(data: &Path) -> Paths {
        let archive = data.join("archive");
        Paths { logs: archive.join("logs"), artifacts: archive.join("artifacts") }
    }

    /// `logs/MILLIONS/THOUSANDS/ID.log.zst`: at most a thousand entries a directory below the top.
    pub(super) fn log(&self, log: LogId) -> PathBuf {
        let thousands = log.0.div_euclid(FAN_OUT);
        let shard =
            format!("{:03}/{:03}", thousands.div_euclid(FAN_OUT), thousands.rem_euclid(FAN_OUT));
        self.logs.join(shard).join(format!("{log}.log.zst"))
    }

    /// `artifacts/ab/cdef…`, the hash cut in two.
    pub(super) fn artifact(&self, hash: &str) -> Result<PathBuf, Error> {
        let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if hash.len() != 64 || !hash.bytes().all(digits) {
            return Err(Error::NotAHash(hash.to_owned()));
        }
        let (shard, rest) = hash.split_at(2);
        Ok(self.artifacts.join(shard).join(rest))
    }

    /// Where artifacts grow until they are whole.
    pub(super) fn incoming(&self) -> PathBuf {
        self.artifacts.join("incoming")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_derive_from_ids_and_hashes() {
        let paths = Paths::of(Path::new("/data"));
        let check = |id: i64, expected: &str| {
            assert_eq!(paths.log(LogId(id)), Path::new("/data/archive/logs").join(expected));
        };
        check(1, "000/000/1.log.zst");
        check(4_711, "000/004/4711.log.zst");
        check(1_234_567_890, "1234/567/1234567890.log.zst");

        let hash = "ab".repeat(32);
        let expected = format!("/data/archive/artifacts/ab/{}", "ab".repeat(31));
        assert_eq!(paths.artifact(&hash).expect("a hash"), Path::new(&expected));
        let check_refused = |text: &str| {
            assert!(matches!(paths.artifact(text), Err(Error::NotAHash(_))), "{text}");
        };
        check_refused("");
        check_refused("../../../etc/passwd");
        check_refused(&"AB".repeat(32));
        check_refused(&"/".repeat(64));
    }
}
