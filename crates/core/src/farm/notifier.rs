//! Notifiers: who outside the farm is told when a builder breaks or works again.

use serde::{Deserialize, Serialize};

use super::matches_glob;

/// `notify(…)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notifier {
    /// Its name.
    pub name: String,
    /// Who is told, and how.
    pub to: Receiver,
    /// Globs of the builders it watches; empty means all.
    pub builders: Vec<String>,
    /// Globs of the branches it watches; empty means all, and builds without one.
    pub branches: Vec<String>,
    /// Where people reach the farm's pages, without a slash at its end; absent: where it listens.
    pub link: Option<String>,
}

/// Who is told, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receiver {
    /// `mail(…)`.
    Mail(Mail),
    /// `webhook(…)`.
    Webhook(Webhook),
}

/// `mail(…)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Addresses it goes to.
    pub to: Vec<String>,
    /// The address it comes from.
    pub sender: String,
    /// `host:port` of the mail server.
    pub server: String,
    /// How the way to the server is protected.
    pub security: Security,
    /// Who we are to the server.
    pub user: Option<String>,
    /// The name of the secret that proves it.
    pub password: Option<String>,
}

/// How the way to a mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Not at all: a server on this machine.
    None,
    /// Begun in the clear, then TLS; never without.
    #[default]
    StartTls,
    /// TLS from the beginning.
    Tls,
}

/// `webhook(…)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Where to post.
    pub url: String,
    /// The name of the secret that signs what is posted.
    pub key: Option<String>,
}

impl Notifier {
    /// Whether it watches a builder on a branch.
    #[must_use]
    pub fn watches(&self, builder: &str, branch: Option<&str>) -> bool {
        let meets = |globs: &[String], name: &str| globs.iter().any(|g| matches_glob(g, name));
        let builder = self.builders.is_empty() || meets(&self.builders, builder);
        builder && (self.branches.is_empty() || branch.is_some_and(|b| meets(&self.branches, b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_say_what_is_watched() {
        let check = |builders: &[&str], branches: &[&str], branch: Option<&str>, expected| {
            let owned = |globs: &[&str]| globs.iter().map(|g| (*g).to_owned()).collect();
            let notifier = Notifier {
                name: "team".into(),
                to: Receiver::Webhook(Webhook { url: String::new(), key: None }),
                builders: owned(builders),
                branches: owned(branches),
                link: None,
            };
            assert_eq!(notifier.watches("hello-stable", branch), expected, "{builders:?}");
        };
        check(&[], &[], None, true);
        check(&["hello-*"], &["main"], Some("main"), true);
        check(&["hello-*"], &["main"], Some("work"), false);
        check(&["hello-*"], &["main"], None, false);
        check(&["docs"], &[], Some("main"), false);
    }
}
