//! Failures of the policy's functions are noted once, and not without an end.

use steading_core::farm::Farm;
use steading_core::words::*;
use steading_store::*;

use crate::farm::*;

fn fault(n: i64) -> NewFault {
    NewFault {
        function: "allow".to_owned(),
        message: "error: no".to_owned(),
        seen: format!("request.priority = {n}"),
        request: None,
        worker: Some("barn".to_owned()),
    }
}

#[tokio::test]
async fn each_is_noted_once_for_each_configuration_and_so_many_in_all() {
    let farm = TestFarm::new();
    let apply = |hash: &'static str| {
        farm.write(move |w| w.apply_configuration(&text(hash), &Farm::default()))
    };
    let (one, two) = (apply("one").await, apply("two").await);
    let note = |of: ConfigId, faults: std::ops::Range<i64>| {
        farm.write(move |w| {
            let before = w.newest_seq()?;
            let faults: Vec<NewFault> = faults.clone().map(fault).collect();
            let noted = w.note_faults(of, &faults)?.len();
            assert_eq!(w.newest_seq()?.0 - before.0, i64::try_from(noted).unwrap());
            Ok(noted)
        })
    };
    assert_eq!(note(one, 0..3).await, 3);
    assert_eq!(note(one, 1..5).await, 2);
    assert_eq!(note(two, 0..3).await, 3);
    let most = usize::try_from(FAULTS_MAX).unwrap();
    assert_eq!(note(one, 0..1_000).await, most - 5);
    assert_eq!(note(one, 1_000..1_001).await, 0);
    let unknown = farm.store.write("test", |w| w.note_faults(ConfigId(99), &[fault(1)])).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");
}
