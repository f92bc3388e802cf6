//! The pages, looked at in a real browser: on a phone, on a desk, while a build runs.

use std::ops::RangeInclusive;

use serde_json::json;

use crate::farm::{Chromium, Farm};

/// Widths of a phone and of a desk, in CSS pixels.
const WIDTHS: [u32; 2] = [375, 1280];

/// Prints a line for each file that appears.
const FARM: &str = r#"
worker("barn", slots = 2)
builder("grow", steps = [
    shell("true", name = "prepare"),
    shell(["sh", "-c", """
        for n in 1 2 3 4 5 6 7 8; do
            while [ ! -e DIR/$0-$n ]; do sleep 0.05; done
            echo "line $n of $0"
        done
    """, prop("id")], name = "count"),
])
"#;

#[test]
fn a_browser_sees_the_log_of_a_build_grow() {
    let mut farm = Farm::new(FARM);
    let url = farm.up();
    let Some(mut browser) = browser(&farm) else { return };
    for width in WIDTHS {
        browser.resize(width);
        watch(&farm, &mut browser, &url, width);
    }
    assert_eq!(browser.complaints(), Vec::<String>::new(), "what the pages complained of");
}

#[test]
fn a_link_signs_a_browser_in_once_and_its_buttons_work() {
    let mut farm = Farm::new(FARM);
    let url = farm.up();
    let Some(mut browser) = browser(&farm) else { return };
    let client = farm.client();
    let request = client.force("grow", &json!({ "properties": { "id": "never" } }));
    client.build_in(request, "running");
    let page = format!("{url}/builders/grow/builds/1");
    browser.open(&page);
    let form = "document.querySelector('form[action$=\"/cancel\"]')";
    assert_eq!(browser.is(&format!("!!{form}")), false, "who is not signed in only looks");

    let link = farm.steading(&["open"]);
    assert_eq!(link.code, Some(0), "{link:?}");
    let link = link.stdout.trim();
    browser.open_at(link, &format!("{url}/"));
    browser.open(&page);
    browser.is(&format!("{form}.querySelector('button').click()"));
    assert_eq!(client.complete(request)["outcome"], "cancelled");
    browser.until("the page says so", "document.title.includes('cancelled')");
    browser.open(link);
    let said = browser.is("document.body.textContent");
    assert!(said.as_str().is_some_and(|said| said.contains("steading open")), "{said}");
}

/// The browser; none, and said so, on a machine that has none and is no CI.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn browser(farm: &Farm) -> Option<Chromium> {
    let browser = Chromium::start(&farm.outside(""));
    if browser.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI has a browser");
        let name = std::thread::current().name().unwrap_or("a test").to_owned();
        eprintln!("skipped: {name}: there is no `chromium` here");
    }
    browser
}

/// Home, then a build from its beginning to its end.
fn watch(farm: &Farm, browser: &mut Chromium, url: &str, width: u32) {
    let client = farm.client();
    let id = format!("at-{width}");
    let request = client.force("grow", &json!({ "properties": { "id": id } }));
    let build = client.build_in(request, "running");
    let page = format!("/builders/grow/builds/{}", build["number"]);

    browser.open(&format!("{url}/"));
    fits(browser, width);
    let link = format!("!!document.querySelector('[data-part=building] a[href=\"{page}\"]')");
    browser.until("home shows the build that runs", &link);

    browser.open(&format!("{url}{page}"));
    fits(browser, width);
    browser.is("window.opened_once = true");
    for lines in [1..=3, 4..=8] {
        let last = *lines.end();
        print_lines(farm, &id, lines);
        browser.until("the page shows the lines", &shows(&id, last));
    }
    client.complete(request);
    browser.until("the page says how it ended", "document.title.includes('succeeded')");
    fits(browser, width);
    assert_eq!(browser.is("window.opened_once"), true, "the page grew without being loaded again");
    browser.open(&format!("{url}{page}"));
    fits(browser, width);
    browser.open(&format!("{url}/"));
    let row = format!("!!document.querySelector('[data-part=recent] a[href=\"{page}\"]')");
    browser.until("home shows the build that ended", &row);
}

/// Lets the build print these.
fn print_lines(farm: &Farm, id: &str, lines: RangeInclusive<u32>) {
    for n in lines {
        std::fs::write(farm.outside(&format!("{id}-{n}")), "").expect("written");
    }
}

/// True in a page whose log has the lines up to this one, in order, each once.
fn shows(id: &str, last: u32) -> String {
    let expected: Vec<String> = (1..=last).map(|n| format!("line {n} of {id}")).collect();
    let lines = "[...document.querySelectorAll('#step-2 .log li > span')].map(l => l.textContent)";
    format!("JSON.stringify({lines}) === JSON.stringify({})", json!(expected))
}

/// Nothing of the page lies beside the screen.
#[track_caller]
fn fits(browser: &mut Chromium, width: u32) {
    let wide = browser.is("document.documentElement.scrollWidth").as_u64();
    assert!(wide <= Some(u64::from(width)), "a page is {wide:?} wide on a screen of {width}");
}
