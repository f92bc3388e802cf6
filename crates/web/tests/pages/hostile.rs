//! Whatever a change, a log or a person says is shown as text and is nothing else.

use steading_core::words::Outcome;

use crate::farm::{Farm, Past, step};
use crate::got::{look, look_signed_in};

const BUILDER: &str = "a\"><script>alert(1)</script>/b";
const SAID: &str =
    "</span></title></pre><script>alert(1)</script><img src=x onerror=\"alert(1)\">'";

#[tokio::test]
async fn nothing_said_becomes_markup() {
    let farm = Farm::new(&[(BUILDER, &["one"])]).await;
    farm.worker("barn", 2, SAID).await;
    let change = farm.change(1, SAID, &[SAID]).await;
    let told =
        step("<script>alert(1)</script>", 900, &[SAID, "!\x1b[31m<script>alert(1)", "\0\x07"]);
    let past = Past {
        change: Some(change.clone()),
        artifact: Some((SAID, b"x")),
        ..Past::of(BUILDER, "barn", vec![told.clone().ends(Outcome::Failure, SAID)])
    };
    farm.build(past.clone().ends(Outcome::Failure, SAID)).await;
    farm.build(Past { steps: vec![told.runs()], artifact: None, ..past }.runs()).await;
    farm.submit(BUILDER, Some(&change)).await;
    let pause = |w: &mut steading_store::Write<'_>| {
        w.pause_worker("barn", SAID, SAID)?;
        w.pause_builder(BUILDER, SAID, SAID)?;
        w.pause_farm(SAID, SAID, false)
    };
    farm.store.write("pause", pause).await.expect("pauses");
    let segment = "a%22%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E%2Fb";
    let own = ["", "/builds/1", "/builds/2", "/builds/1/log/1"];
    let mut paths: Vec<String> = own.iter().map(|p| format!("/builders/{segment}{p}")).collect();
    paths.extend(
        ["/", "/builders", "/workers", "/queue", "/changes", "/requests/3"].map(Into::into),
    );
    paths.extend(["/schedulers".into(), "/locks".into(), format!("/builders/{segment}%3Cx%3E")]);
    for path in paths {
        for got in [look(&farm, &path).await, look_signed_in(&farm, &path).await] {
            assert!(got.status.is_success() || path.ends_with("%3Cx%3E"), "{path}: {}", got.text);
            for mark in ["<script>alert", "<img src=x", "onerror=\"alert", "\0", "\x07"] {
                assert!(!got.text.contains(mark), "{path} holds {mark}");
            }
        }
    }
}
