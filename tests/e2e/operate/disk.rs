//! A disk that is nearly full, as the farm sees it: less room than it is told to keep free.

use crate::farm::{Farm, until};

const FARM: &str = r#"
keep_free("ROOM")
worker("barn")
builder("quick", steps = [shell("true")])
"#;

#[test]
fn a_nearly_full_disk_holds_everything_back_and_says_so_until_there_is_room() {
    let farm = Farm::started(&FARM.replace("ROOM", "4000000GiB"));
    let client = farm.client();
    let held =
        until("the farm holds back", || client.get("/farm")["held"].as_str().map(str::to_owned));
    assert!(held.contains("is nearly full: ") && held.contains(" MiB left"), "{held}");
    let request = client.force_plain("quick");
    let said = until("it is explained", || {
        let said = client.get(&format!("/requests/{request}/explain"));
        (said["verdict"] == "paused").then_some(said)
    });
    assert!(said["summary"].as_str().is_some_and(|text| text.starts_with(&held)), "{said}");
    farm.configure(&FARM.replace("ROOM", "1MiB"));
    let reload = farm.steading(&["reload"]);
    assert_eq!(reload.code, Some(0), "{reload:?}");
    assert_eq!(client.complete(request)["outcome"], "success");
    assert!(client.get("/farm")["held"].is_null());
    let troubles = farm.steading(&["events", "--noun", "farm"]);
    assert_eq!(troubles.stdout.matches("farm.troubled").count(), 2, "{troubles:?}");
}
