//! How much of a log is kept.

use crate::farm::Farm;

const FARM: &str = r#"
worker("barn")
builder("loud", steps = [shell("seq 1 100000", name = "count")], log_limit = "64KiB")
builder("free", steps = [shell("seq 1 100000", name = "count")])
"#;

#[test]
fn a_builders_logs_are_kept_up_to_its_limit_and_say_so() {
    let farm = Farm::started(FARM);
    let client = farm.client();
    let log = |builder: &str| {
        let build = client.build_in(client.force_plain(builder), "finished");
        assert_eq!(build["outcome"], "success", "{build}");
        String::from_utf8(client.log(&build, "count", "stdout")).expect("text")
    };
    let whole: String = (1..=100_000).map(|n| format!("{n}\n")).collect();
    assert_eq!(log("free"), whole);
    let kept = log("loud");
    assert!(kept.len() < 66 << 10, "{} bytes", kept.len());
    let (lines, last) = kept.trim_end().rsplit_once('\n').expect("lines");
    assert!(whole.starts_with(lines), "what is kept is what was printed");
    assert!(last.contains("left out") || last.contains("more"), "the last line says so: {last}");
}
