//! Where a farm is and where it keeps its data.

use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::Error;
use crate::client::farm_dir;

/// A farm's two directories.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Where `farm.star` is.
    pub(crate) farm: PathBuf,
    /// Where its data is.
    pub(crate) data: PathBuf,
}

impl Place {
    /// The place the arguments name. Nothing is made yet.
    pub(crate) fn find(path: Option<&Path>, data: Option<&Path>) -> Result<Place, Error> {
        let farm = farm_dir(path)?;
        if !farm.join("farm.star").is_file() {
            return Err(Error::NoFarm(farm));
        }
        Place::of(farm, data)
    }

    /// The same for those who need no `farm.star`.
    pub(crate) fn of(farm: PathBuf, data: Option<&Path>) -> Result<Place, Error> {
        let data = match data {
            Some(data) => std::path::absolute(data)?,
            None => farm.join(".steading"),
        };
        Ok(Place { farm, data })
    }

    /// Reads and checks the configuration.
    pub(crate) fn load(&self) -> Result<steading_config::Loaded, Error> {
        steading_config::load(&self.farm).map_err(Error::Configuration)
    }

    /// Makes the data directory, for its owner alone.
    pub(crate) fn make_data(&self) -> Result<(), Error> {
        let new = !self.data.exists();
        DirBuilder::new().recursive(true).mode(0o700).create(&self.data)?;
        fs_err::set_permissions(&self.data, std::fs::Permissions::from_mode(0o700))?;
        if new && self.data.starts_with(&self.farm) {
            // The farm's own repository shall not see what the farm writes.
            fs_err::write(self.data.join(".gitignore"), "*\n")?;
        }
        Ok(())
    }

    /// Writes a file for its owner alone; readers see the old one or the new one, whole.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), io::Error> {
        let fresh = self.data.join(format!("{name}.new"));
        let mut options = fs_err::OpenOptions::new();
        options.write(true).create(true).truncate(true).options_mut().mode(0o600);
        options.open(&fresh)?.write_all(format!("{text}\n").as_bytes())?;
        fs_err::rename(&fresh, self.data.join(name))
    }

    /// Removes a file that says what is no longer so.
    pub(crate) fn remove(&self, name: &str) {
        // A file that stays is answered by "does not answer": a nuisance, no harm.
        let _ = std::fs::remove_file(self.data.join(name));
    }
}

#[cfg(test)]
mod tests {
    use steading_store::{Options, Store};

    use super::*;
    use crate::clock;

    fn place(dir: &Path) -> Place {
        fs_err::write(dir.join("farm.star"), "").expect("written");
        Place::find(Some(dir), None).expect("a farm")
    }

    #[test]
    fn a_directory_without_a_farm_is_said_so() {
        let dir = tempfile::tempdir().expect("a directory");
        let error = Place::find(Some(dir.path()), None).expect_err("no farm");
        assert!(error.to_string().ends_with("has no farm.star: give the farm's directory"));
        assert_eq!(error.exit().code(), 2);
    }

    #[test]
    fn data_and_its_secrets_are_for_their_owner_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let place = place(dir.path());
        place.make_data().expect("made");
        place.write("admin.token", "secret").expect("written");
        let mode =
            |path: PathBuf| fs_err::metadata(path).expect("is there").permissions().mode() & 0o777;
        assert_eq!(mode(place.data.clone()), 0o700);
        assert_eq!(mode(place.data.join("admin.token")), 0o600);
        assert!(place.data.join(".gitignore").exists());
    }

    #[test]
    fn a_second_master_names_the_first() {
        let dir = tempfile::tempdir().expect("a directory");
        let place = place(dir.path());
        place.make_data().expect("made");
        let first = Store::open(Options::new(&place.data, clock::now)).expect("opens");
        let second = Store::open(Options::new(&place.data, clock::now)).expect_err("is held");
        let error = Error::from(second);
        let text = error.to_string();
        assert!(text.contains(&format!("(pid {})", std::process::id())), "{text}");
        assert!(text.contains(&place.data.display().to_string()), "{text}");
        assert_eq!(error.exit().code(), 2);
        drop(first);
        Store::open(Options::new(&place.data, clock::now)).expect("is free again");
    }
}
