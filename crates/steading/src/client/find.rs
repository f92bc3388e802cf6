//! Where the farm is: by URL, or by the data directory of a farm on this machine.

use std::io;
use std::path::{Path, PathBuf};

use super::Error;
use crate::cli::Target;

/// The base URL and the token to show.
pub(super) struct Found {
    pub(super) base: String,
    pub(super) token: Option<String>,
}

/// Looks where the options say.
pub(super) fn find(target: &Target) -> Result<Found, Error> {
    if let Some(url) = &target.url {
        let token = target.token.clone().filter(|token| !token.is_empty());
        return Ok(Found { base: base(url)?, token });
    }
    let data = farm_dir(target.farm.as_deref())?.join(".steading");
    found_in(&data, target.token.clone())
}

/// Looks in a data directory.
pub(super) fn found_in(data: &Path, token: Option<String>) -> Result<Found, Error> {
    let address = read_address(data)?.ok_or_else(|| Error::NotRunning(data.to_owned()))?;
    let token = match token {
        Some(token) => Some(token),
        None => read_line(&data.join("admin.token"))?,
    };
    Ok(Found { base: base(&address)?, token })
}

/// The directory of a farm named by directory or by its `farm.star`; here, if not named.
pub(crate) fn farm_dir(path: Option<&Path>) -> Result<PathBuf, io::Error> {
    let path = path.unwrap_or(Path::new("."));
    let path = match fs_err::canonicalize(path) {
        // Whoever needs a farm there says so, by this name.
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::path::absolute(path)?,
        other => other?,
    };
    if path.is_file() {
        return Ok(path.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned));
    }
    Ok(path)
}

/// The address a master left in its data directory, if there is one.
fn read_address(data: &Path) -> Result<Option<String>, io::Error> {
    read_line(&data.join("address"))
}

/// The first line of a file; nothing if the file is missing or empty.
fn read_line(path: &Path) -> Result<Option<String>, io::Error> {
    match fs_err::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|line| !line.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The URL without its end, checked.
fn base(url: &str) -> Result<String, Error> {
    let bad = || Error::BadUrl(url.to_owned());
    let parsed = reqwest::Url::parse(url).map_err(|_| bad())?;
    if parsed.scheme() != "http" || parsed.host_str().is_none() {
        return Err(bad());
    }
    Ok(url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_farm_that_is_not_running_is_said_so() {
        let dir = tempfile::tempdir().expect("a directory");
        let target = Target { farm: Some(dir.path().to_owned()), ..Target::default() };
        let error = find(&target).err().expect("nothing runs there");
        assert!(error.to_string().contains("no farm is running in"), "{error}");
        assert_eq!(error.exit().code(), 3);
    }

    #[test]
    fn address_and_token_are_found_in_the_data_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path().join(".steading");
        fs_err::create_dir(&data).expect("created");
        fs_err::write(data.join("address"), "http://127.0.0.1:8040\n").expect("written");
        fs_err::write(data.join("admin.token"), "secret\n").expect("written");
        fs_err::write(dir.path().join("farm.star"), "").expect("written");
        for farm in [dir.path().to_owned(), dir.path().join("farm.star")] {
            let found = find(&Target { farm: Some(farm), ..Target::default() }).expect("found");
            assert_eq!(found.base, "http://127.0.0.1:8040");
            assert_eq!(found.token.as_deref(), Some("secret"));
        }
    }

    #[test]
    fn urls_are_checked_before_they_are_asked() {
        let check = |url: &str, expected: Option<&str>| {
            assert_eq!(base(url).ok().as_deref(), expected, "{url}");
        };
        check("http://farm:8040/", Some("http://farm:8040"));
        check("farm:8040", None);
        check("https://farm", None);
        check("", None);
    }
}
