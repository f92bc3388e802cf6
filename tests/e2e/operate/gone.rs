//! What left the configuration keeps its history.

use serde_json::json;

use crate::farm::Farm;

const BEFORE: &str = r#"
worker("barn")
worker("shed")
builder("old", workers = ["shed"], steps = [shell("echo remembered", name = "say")])
builder("new", workers = ["barn"], steps = [shell("true")])
"#;
const AFTER: &str = r#"
worker("barn")
builder("new", workers = ["barn"], steps = [shell("true")])
"#;

#[test]
fn builders_and_workers_that_left_the_configuration_keep_their_history() {
    let mut farm = Farm::started(BEFORE);
    let client = farm.client();
    assert_eq!(client.complete(client.force_plain("old"))["outcome"], "success");
    farm.configure(AFTER);
    let reload = farm.steading(&["reload"]);
    assert_eq!(reload.code, Some(0), "{reload:?}");

    let check = || {
        assert_eq!(client.item("/builders/old")["active"], json!(false));
        let builds = client.list("/builders/old/builds");
        assert_eq!((builds.len(), &builds[0]["worker"]), (1, &json!("shed")), "{builds:?}");
        assert_eq!(client.list("/workers/shed/builds").len(), 1);
        assert_eq!(client.item("/workers/shed")["name"], "shed");
        let log = farm.steading(&["log", "old/1", "say"]);
        assert_eq!((log.code, log.stdout.as_str()), (Some(0), "remembered\n"), "{log:?}");
        let listed = farm.steading(&["list", "builders"]);
        assert!(!listed.stdout.contains("old"), "only what is declared: {listed:?}");
        let listed = farm.steading(&["list", "builders", "active=false"]);
        assert!(listed.stdout.contains("old"), "{listed:?}");
    };
    check();
    let refused = client.try_post("/builders/old/force", &json!({}), None).expect("an answer");
    assert_eq!(refused.status, 404, "nothing new is built of it: {refused:?}");
    assert_eq!(farm.stop(), Some(0));
    farm.up();
    let check_again = farm.client();
    assert_eq!(check_again.list("/builders/old/builds").len(), 1);

    farm.configure(BEFORE);
    let reload = farm.steading(&["reload"]);
    assert_eq!(reload.code, Some(0), "{reload:?}");
    let client = farm.client();
    let again = client.build_in(client.force_plain("old"), "finished");
    assert_eq!(again["number"], json!(2), "its numbers go on");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}
