//! Notifications: on a change of outcome, through crashes, by mail and webhook.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::Ordering;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::sinks::{self, Posted};
use crate::farm::{Client, Farm, until};

const KEY: &str = "between us";

fn star(web: u16, mail: u16) -> String {
    format!(
        r#"
repo = git("../code", poll = "1h")
worker("barn")
builder("flip", steps = [checkout(repo), shell("cat README >&2; grep -q good README", name = "look")])
builder("quick", steps = [shell("true")])
on_change(repo, builders = "flip", branch = "main")
notify("hook", webhook("http://127.0.0.1:{web}/farm", key = "hook.key"), builders = "flip")
notify("team", mail("team@example.org", sender = "farm@example.org", server = "127.0.0.1:{mail}"),
    branch = "main", link = "https://farm.example.org/")
"#
    )
}

/// A commit is built; its revision.
fn commit(farm: &Farm, client: &Client, text: &str, outcome: &str) -> String {
    let revision = farm.code.commit("README", text, &format!("make it {text}"));
    let told = farm.steading(&["change", "../code"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let path = format!("/builds?revision={revision}&state=finished");
    let build = until("it is built", || client.try_get(&path).ok()?.body["items"].get(0).cloned());
    assert_eq!(build["outcome"], outcome, "{build}");
    revision
}

#[track_caller]
fn signed(posted: &Posted) -> Value {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("a key");
    mac.update(&posted.body);
    let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(posted.header("x-steading-signature"), expected);
    serde_json::from_slice(&posted.body).expect("JSON")
}

fn keep_secret(farm: &Farm) {
    let secrets = farm.data().join("secrets");
    std::fs::create_dir_all(&secrets).expect("made");
    std::fs::write(secrets.join("hook.key"), format!("{KEY}\n")).expect("written");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(secrets.join("hook.key"), private).expect("set");
}

#[test]
fn people_and_programs_are_told_of_each_change_of_outcome_once() {
    let (web, mail) = (sinks::web(), sinks::mail());
    let mut farm = Farm::started(&star(web.port, mail.port));
    keep_secret(&farm);
    let client = farm.client();
    // The farm's first build of this repository is red already: that is news.
    until("the first failure is told", || (web.got().len() == 1).then_some(()));
    let red = commit(&farm, &client, "bad news", "failure");
    let green = commit(&farm, &client, "good news", "success");
    until("that it works again is told", || (web.got().len() == 2).then_some(()));
    let said = signed(&web.got()[1]);
    assert_eq!(said["turn"], "works_again", "{said}");
    assert_eq!(said["build"]["revision"], json!(green), "{said}");
    assert_eq!(said["previous"]["revision"], json!(red), "the build before: {said}");
    commit(&farm, &client, "good, too", "success");

    // Nobody is at home while it breaks, and the farm dies meanwhile.
    web.refuses.store(true, Ordering::SeqCst);
    mail.refuses.store(true, Ordering::SeqCst);
    let red = commit(&farm, &client, "bad again", "failure");
    let waits = "/notifications?state=waiting&notifier=hook";
    let tried = |row: &Value| row["attempts"].as_i64() >= Some(1);
    until("a try failed", || client.list(waits).first().filter(|row| tried(row)).cloned());
    assert!(client.list(waits)[0]["error"].as_str().is_some_and(|why| why.contains("503")));
    farm.kill9();
    web.refuses.store(false, Ordering::SeqCst);
    mail.refuses.store(false, Ordering::SeqCst);
    farm.up();
    until("it is told after all", || (web.got().len() == 3).then_some(()));
    let posted = web.got()[2].clone();
    let said = signed(&posted);
    assert_eq!((&said["turn"], &said["build"]["revision"]), (&json!("broke"), &json!(red)));
    assert_eq!(said["step"]["name"], "look", "{said}");
    assert_eq!(said["step"]["stderr"], json!(["bad again"]), "{said}");
    assert_eq!(said["changes"][0]["message"], "make it bad again", "{said}");
    assert_eq!(posted.header("x-steading-delivery"), said["notification_id"].to_string());

    until("the mails came", || (mail.got().len() == 3).then_some(()));
    let letters = mail.got();
    assert!(letters[1].contains("Subject: flip works again on main"), "{}", letters[1]);
    let letter = &letters[2];
    for part in [
        "To: team@example.org",
        "Subject: flip is broken on main (#",
        "https://farm.example.org/builds/",
        "A Tester <tester@example.org>: make it bad again",
        "  | bad again",
        "Step look:",
    ] {
        assert!(letter.contains(part), "no `{part}` in\n{letter}");
    }
    let waiting = || client.list("/notifications?state=waiting");
    until("nothing waits any more", || waiting().is_empty().then_some(()));
    let sent = client.list("/notifications?state=sent");
    assert_eq!(sent.len(), 6, "three turns, to two: {sent:?}");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn what_cannot_be_told_is_seen_and_holds_nobody_up() {
    let web = sinks::web();
    let mut farm = Farm::started(&star(web.port, 9));
    let client = farm.client();
    // Without the secret nothing is posted; nobody listens at the discard port.
    let failing = |notifier: &str| {
        let path = format!("/notifications?notifier={notifier}");
        until("a try failed", || {
            let row = client.list(&path).first().cloned()?;
            row["error"].as_str().map(str::to_owned)
        })
    };
    assert!(failing("hook").contains("hook.key"));
    assert!(failing("team").contains("refused"));
    assert_eq!(client.complete(client.force_plain("quick"))["outcome"], "success");
    let events = farm.steading(&["events", "--noun", "notification"]);
    assert!(events.stdout.contains("notification.tried"), "{events:?}");
    let listed = farm.steading(&["list", "notifications"]);
    assert!(listed.stdout.contains("waiting") && listed.stdout.contains("team"), "{listed:?}");
    keep_secret(&farm);
    until("it is told once it can be", || (web.got().len() == 1).then_some(()));
    assert_eq!(signed(&web.got()[0])["turn"], "broke");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}
