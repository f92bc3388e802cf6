//! `notify(…)`, and who is told: `mail(…)`, `webhook(…)`.

use steading_core::farm::{Mail, Notifier, Receiver, Security, Webhook};

use super::names::{name, once};
use crate::args::Args;
use crate::draft::{Declared, Draft};
use crate::functions::nearest;
use crate::input::{Input, Object, quoted};

/// Where mail goes unless said otherwise.
const MAIL_SERVER: &str = "localhost:25";
/// The words of `security`.
const SECURITIES: [(&str, Security); 3] =
    [("starttls", Security::StartTls), ("tls", Security::Tls), ("none", Security::None)];

pub(crate) fn notify(args: &mut Args, draft: &mut Draft) -> Object {
    let name = name(args, "name");
    let to = match args.any("to") {
        Some(Input::Object(Object::Receiver(at))) => Some(draft.receivers[at].clone()),
        Some(other) => {
            args.refuse("to", &[], "mail(…) or webhook(…)", &other);
            None
        }
        None => None,
    };
    let builders = args.globs("builders").unwrap_or_default();
    let branches = args.globs("branch").unwrap_or_default();
    let link = url(args, "link").map(|link| link.trim_end_matches('/').to_owned());
    let earlier = draft.notifiers.iter().find(|n| Some(&n.it.name) == name.as_ref());
    if let (Some(name), Some(earlier)) = (&name, earlier)
        && let Some(error) = once(args, "name", "notifier", name, Some(earlier))
    {
        args.findings.push(error);
    } else if let (Some(name), Some(to)) = (name, to) {
        let it = Notifier { name, to, builders, branches, link };
        draft.notifiers.push(Declared { it, place: args.place().clone() });
    }
    Object::Declared("a notifier")
}

pub(crate) fn mail(args: &mut Args, draft: &mut Draft) -> Object {
    let to = args.texts("to").unwrap_or_default();
    if to.is_empty() && !args.wrong() {
        args.wrong_with("to", &[], "mail goes to somebody", "name at least one address");
    }
    if let Some(wrong) = to.iter().find(|address| !is_address(address)) {
        args.wrong_with("to", &[], format!("{} is no address", quoted(wrong)), "");
    }
    let sender = args.text("sender");
    if let Some(wrong) = sender.as_ref().filter(|address| !is_address(address)) {
        args.wrong_with("sender", &[], format!("{} is no address", quoted(wrong)), "");
    }
    let server = args.text("server").unwrap_or_else(|| MAIL_SERVER.to_owned());
    let port = server.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    if port.and_then(|(_, port)| port.parse::<u16>().ok()).is_none() {
        let help = "write it as \"mail.example.org:587\"";
        args.wrong_with("server", &[], format!("{} has no port", quoted(&server)), help);
    }
    let security = security(args, &server);
    let (user, password) = (args.text("user"), secret(args, "password"));
    if user.is_some() != password.is_some() && !args.wrong() {
        let help = "`password` is the name of a file in the data directory's `secrets`";
        let param = if user.is_some() { "user" } else { "password" };
        args.wrong_with(param, &[], "`user` and `password` go together", help);
    }
    match sender {
        Some(sender) if !args.wrong() => {
            let mail = Mail { to, sender, server, security, user, password };
            receiver(draft, Receiver::Mail(mail))
        }
        _ => Object::Broken,
    }
}

pub(crate) fn webhook(args: &mut Args, draft: &mut Draft) -> Object {
    let (url, key) = (url(args, "url"), secret(args, "key"));
    match url {
        Some(url) if !args.wrong() => receiver(draft, Receiver::Webhook(Webhook { url, key })),
        _ => Object::Broken,
    }
}

fn receiver(draft: &mut Draft, receiver: Receiver) -> Object {
    draft.receivers.push(receiver);
    Object::Receiver(draft.receivers.len() - 1)
}

/// A server on this machine needs no protection; any other gets it unless refused.
fn security(args: &mut Args, server: &str) -> Security {
    let Some(word) = args.text("security") else {
        let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
        let here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        return if here { Security::None } else { Security::StartTls };
    };
    if let Some((_, security)) = SECURITIES.iter().find(|(known, _)| *known == word) {
        return *security;
    }
    let help = match nearest(&word, SECURITIES.map(|(known, _)| known)) {
        Some(near) => format!("did you mean {}?", quoted(near)),
        None => "it is \"starttls\", \"tls\" or \"none\"".to_owned(),
    };
    args.wrong_with("security", &[], format!("{} is no security", quoted(&word)), help);
    Security::default()
}

/// The name of a secret: a file of the data directory's `secrets`, never the secret itself.
fn secret(args: &mut Args, param: &'static str) -> Option<String> {
    let name = args.text(param)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !name.is_empty() && !name.starts_with('.') && name.chars().all(plain) {
        return Some(name);
    }
    let help = "it is the name of a file in the data directory's `secrets`: letters, digits, . _ -";
    args.wrong_with(param, &[], format!("{} cannot name a secret", quoted(&name)), help);
    None
}

fn url(args: &mut Args, param: &'static str) -> Option<String> {
    let url = args.text(param)?;
    if url.starts_with("https://") || url.starts_with("http://") {
        return Some(url);
    }
    let help = "write it as \"https://…\"";
    args.wrong_with(param, &[], format!("{} is no web address", quoted(&url)), help);
    None
}

/// One line with something on both sides of its last `@`; mail servers judge the rest.
fn is_address(text: &str) -> bool {
    let bad = |c: char| c.is_control() || c.is_whitespace() || "<>,".contains(c);
    let sides = text.rsplit_once('@');
    sides.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !text.contains(bad))
}
