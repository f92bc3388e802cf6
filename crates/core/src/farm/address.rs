//! Addresses of repositories, as they may be shown.

/// The address without what lets one in: a password, or the token that stands for a user of
/// `http`. Whatever is shown, kept in history or written to a log goes through here.
#[must_use]
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host_ends = rest.find('/').unwrap_or(rest.len());
    match rest[..host_ends].rfind('@') {
        Some(at) if rest[..at].contains(':') || scheme.starts_with("http") => {
            format!("{scheme}://***@{}", &rest[at + 1..])
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn passwords_are_not_shown() {
        let check = |url: &str, expected: &str| assert_eq!(without_password(url), expected);
        check("https://u:p@host/r.git", "https://***@host/r.git");
        check("https://token@host/r.git", "https://***@host/r.git");
        check("https://host/a@b", "https://host/a@b");
        check("ssh://git@host/r", "ssh://git@host/r");
        check("/srv/repo", "/srv/repo");
    }
}
