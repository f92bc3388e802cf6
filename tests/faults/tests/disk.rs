//! The disk with real programs on it: what each of them forgot to sync is gone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use steading_faults::{Disk, Loss};

/// A mounted disk; nothing, said loudly, where there can be none.
fn disk(at: &Path) -> Option<Disk> {
    Disk::mount(at)
        .inspect_err(|why| {
            // Past the capture of test output: whoever reads green must see what was not tested.
            let _ = writeln!(io::stderr(), "SKIPPED, durability is NOT tested: {why}");
        })
        .ok()
}

/// What is left in a directory after `work` on an empty disk and a power cut.
fn check(work: impl FnOnce(&Path) -> io::Result<()>, expected: &[(&str, &str)]) {
    let dir = tempfile::tempdir().expect("a directory");
    let Some(mut disk) = disk(dir.path()) else { return };
    work(dir.path()).expect("the disk takes it");
    disk.cut(Loss::All);
    disk.restore().expect("it is mounted again");
    let mut left = Vec::new();
    for entry in fs::read_dir(dir.path()).expect("a directory") {
        let path = entry.expect("an entry").path();
        let text = match path.is_dir() {
            true => "/".to_owned(),
            false => fs::read_to_string(&path).expect("a file"),
        };
        let name = path.file_name().expect("an entry has a name").to_string_lossy();
        left.push((name.into_owned(), text));
    }
    let left: Vec<_> = left.iter().map(|(name, text)| (&**name, &**text)).collect();
    assert_eq!(left, expected);
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[test]
fn what_nobody_synced_is_lost() {
    check(|dir| fs::write(dir.join("a"), "text"), &[]);
}

#[test]
fn a_synced_file_without_its_name_is_lost() {
    check(|dir| synced(&dir.join("a"), "text"), &[]);
}

#[test]
fn a_synced_name_of_an_unsynced_file_is_an_empty_file() {
    check(
        |dir| {
            fs::write(dir.join("a"), "text")?;
            sync_dir(dir)
        },
        &[("a", "")],
    );
}

#[test]
fn what_was_synced_with_its_name_is_there() {
    check(
        |dir| {
            synced(&dir.join("a"), "text")?;
            sync_dir(dir)?;
            OpenOptions::new().append(true).open(dir.join("a"))?.write_all(b" and more")
        },
        &[("a", "text")],
    );
}

#[test]
fn a_rename_nobody_synced_did_not_happen() {
    check(
        |dir| {
            synced(&dir.join("a"), "old")?;
            sync_dir(dir)?;
            synced(&dir.join("a.new"), "new")?;
            fs::rename(dir.join("a.new"), dir.join("a"))
        },
        &[("a", "old")],
    );
}

#[test]
fn a_rename_over_a_file_without_sync_of_its_bytes_leaves_it_empty() {
    check(
        |dir| {
            synced(&dir.join("a"), "old")?;
            sync_dir(dir)?;
            fs::write(dir.join("a.new"), "new")?;
            fs::rename(dir.join("a.new"), dir.join("a"))?;
            sync_dir(dir)
        },
        &[("a", "")],
    );
}

#[test]
fn a_removal_nobody_synced_did_not_happen() {
    check(
        |dir| {
            synced(&dir.join("a"), "text")?;
            synced(&dir.join("b"), "text")?;
            sync_dir(dir)?;
            fs::remove_file(dir.join("a"))?;
            sync_dir(dir)?;
            fs::remove_file(dir.join("b"))
        },
        &[("b", "text")],
    );
}

#[test]
fn a_directory_that_was_made_needs_its_name_and_its_names_synced() {
    check(
        |dir| {
            fs::create_dir(dir.join("a"))?;
            sync_dir(dir)?;
            fs::create_dir(dir.join("b"))
        },
        &[("a", "/")],
    );
}

#[test]
fn a_program_that_waits_for_a_disk_without_power_can_be_killed() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut disk) = disk(dir.path()) else { return };
    #[expect(clippy::disallowed_methods, reason = "a program to be killed")]
    let mut program = Command::new("sh")
        .args(["-c", "echo begun; while :; do echo more >> text; sync text; done"])
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !fs::read_to_string(dir.path().join("text")).is_ok_and(|text| text.len() > 500) {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    disk.cut(Loss::Some(7));
    program.kill().unwrap();
    disk.release();
    program.wait().unwrap();
    assert!(disk.figures().syncs > 0);
    disk.restore().unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "its name was never synced");
}

#[test]
fn a_file_may_change_its_length_either_way() {
    check(
        |dir| {
            let file = File::create(dir.join("a"))?;
            file.set_len(7)?;
            file.set_len(3)?;
            file.sync_all()?;
            sync_dir(dir)?;
            file.set_len(5)
        },
        &[("a", "\0\0\0")],
    );
}

#[test]
fn a_full_disk_takes_no_more_and_a_slow_one_takes_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = disk(dir.path()) else { return };
    disk.leave_room(Some(10_000));
    let full = fs::write(dir.path().join("a"), [0; 20_000]).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    disk.leave_room(None);
    fs::write(dir.path().join("a"), [0; 20_000]).unwrap();
    let each = Duration::from_millis(200);
    disk.delay(each);
    #[expect(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
    let began = std::time::Instant::now();
    File::open(dir.path().join("a")).unwrap().sync_all().unwrap();
    assert!(began.elapsed() >= each);
}
