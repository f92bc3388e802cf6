//! Write sections: all or nothing, each on its own, answered after the commit.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;

use steading_core::words::*;
use steading_store::*;

use crate::farm::TestFarm;

fn tip(w: &mut Write<'_>, branch: &str) -> Result<(), Error> {
    w.set_tip("hello", branch, Some("r1"))
}

fn change(branch: &str) -> NewChange {
    NewChange {
        repository: "hello".to_owned(),
        branch: branch.to_owned(),
        revision: "r1".to_owned(),
        author: "ann".to_owned(),
        message: "work".to_owned(),
        files: vec![],
        commits: None,
        committed_at: Micros(1),
    }
}

#[tokio::test]
async fn every_section_runs_twice_in_debug_and_counts_once() {
    let farm = TestFarm::with(|options| options.rehearse = true);
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let id = farm
        .write(move |w| {
            counted.fetch_add(1, Ordering::SeqCst);
            w.add_change(&change("main"))
        })
        .await;
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    assert_eq!(id, Some(ChangeId(1)));
    assert_eq!(farm.read(|r| r.newest_seq()).await, Seq(1));
    assert_eq!(Options::new("x", || Micros(0)).rehearse, cfg!(debug_assertions));
}

type Queued = Pin<Box<dyn Future<Output = Result<(), Error>>>>;

/// Keeps the writer inside a section until the others wait behind it, so that they share a commit.
async fn as_one_group(farm: &TestFarm, mut sections: Vec<Queued>) -> Vec<Result<(), Error>> {
    let (entered, inside) = mpsc::channel::<()>();
    let (release, hold) = mpsc::channel::<()>();
    let hold = Mutex::new(Some(hold));
    let store = farm.store.clone();
    let gate = tokio::spawn(async move {
        let section = move |_: &mut Write<'_>| {
            // Only the first run holds: the rehearsal.
            if let Some(hold) = hold.lock().unwrap().take() {
                entered.send(()).unwrap();
                hold.recv().unwrap();
            }
            Ok(())
        };
        store.write("gate", section).await.unwrap();
    });
    tokio::task::spawn_blocking(move || inside.recv().unwrap()).await.unwrap();
    for section in &mut sections {
        // Polled once, a section is in the queue.
        poll_fn(|context| Poll::Ready(section.as_mut().poll(context).is_ready())).await;
    }
    release.send(()).unwrap();
    gate.await.unwrap();
    let mut results = Vec::new();
    for section in sections {
        results.push(section.await);
    }
    results
}

#[tokio::test]
async fn a_panic_undoes_its_own_section_while_its_neighbours_commit() {
    let farm = TestFarm::new();
    let section = |name: &'static str, panics: bool| -> Queued {
        let store = farm.store.clone();
        Box::pin(async move {
            let section = move |w: &mut Write<'_>| {
                w.add_change(&change(name))?;
                assert!(!panics, "on purpose");
                tip(w, name)
            };
            store.write(name, section).await
        })
    };
    let sections = vec![section("before", false), section("panics", true), section("after", false)];
    let results = as_one_group(&farm, sections).await;
    let message = "on purpose".to_owned();
    let panicked = Error::Panicked { section: "panics", message };
    assert_eq!(results, [Ok(()), Err(panicked), Ok(())]);
    let stats = farm.store.stats();
    assert!(stats.group_max >= 3, "they were to share a commit: {stats:?}");
    assert_eq!((stats.sections["panics"].undone, stats.sections["after"].committed), (1, 1));
    let tips = farm.read(|r| r.tips("hello")).await;
    assert_eq!(tips.keys().collect::<Vec<_>>(), ["after", "before"]);
    let events = farm.read(|r| r.events(Seq(0), 10)).await;
    assert_eq!(events.iter().map(|e| e.seq.0).collect::<Vec<_>>(), [1, 2], "no gap");
    farm.assert_sound().await;
}

#[tokio::test]
async fn an_error_undoes_the_section_and_leaves_no_gap_in_the_numbers() {
    let farm = TestFarm::new();
    let failed = farm
        .store
        .write("fails", |w| {
            w.add_change(&change("lost"))?;
            Err::<(), _>(Error::Stale("on purpose".to_owned()))
        })
        .await;
    assert_eq!(failed, Err(Error::Stale("on purpose".to_owned())));
    farm.write(|w| w.add_change(&change("kept"))).await;
    let kept = farm.read(|r| r.events(Seq(0), 10)).await;
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].seq, kept[0].delta["branch"].clone()), (Seq(1), Cell::from("kept")));
}

#[tokio::test]
async fn the_newest_event_is_published_after_its_commit_and_before_the_answer() {
    let farm = TestFarm::new();
    let seq = farm.store.seq();
    let watched = seq.clone();
    farm.write(move |w| {
        w.add_change(&change("main"))?;
        assert_eq!(*watched.borrow(), Seq(0), "nothing is shown before its commit");
        Ok(())
    })
    .await;
    assert_eq!(*seq.borrow(), Seq(1));
}

#[tokio::test]
async fn a_read_section_sees_one_moment() {
    let farm = TestFarm::new();
    let (seen, go) = (mpsc::channel::<Seq>(), mpsc::channel::<()>());
    let (tell, told) = seen;
    let (release, hold) = go;
    let store = farm.store.clone();
    let reading = tokio::spawn(async move {
        let section = move |r: &Read<'_>| {
            tell.send(r.newest_seq()?).unwrap();
            hold.recv().unwrap();
            r.newest_seq()
        };
        store.read(section).await.unwrap()
    });
    let first = tokio::task::spawn_blocking(move || told.recv().unwrap()).await.unwrap();
    farm.write(|w| w.add_change(&change("main"))).await;
    release.send(()).unwrap();
    assert_eq!((first, reading.await.unwrap()), (Seq(0), Seq(0)));
    assert_eq!(farm.read(|r| r.newest_seq()).await, Seq(1));
}

#[tokio::test]
async fn a_panicking_read_is_an_error_and_the_next_one_works() {
    let farm = TestFarm::new();
    let failed = farm.store.read(|_| -> Result<(), Error> { panic!("on purpose") }).await;
    let message = "on purpose".to_owned();
    assert_eq!(failed, Err(Error::Panicked { section: "read", message }));
    assert_eq!(farm.read(|r| r.newest_seq()).await, Seq(0));
}

#[tokio::test]
async fn after_close_writes_are_refused_and_reads_go_on() {
    let farm = TestFarm::new();
    farm.write(|w| w.add_change(&change("main"))).await;
    farm.store.close().await.unwrap();
    farm.store.close().await.unwrap();
    let refused = farm.store.write("late", |w| w.add_change(&change("late"))).await;
    assert_eq!(refused, Err(Error::Closed));
    assert_eq!(farm.read(|r| r.newest_seq()).await, Seq(1));
}
