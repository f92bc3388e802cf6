//! Under a service manager: sockets it keeps for us, signs of life, a clean stop in time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::accept::say;
use crate::farm::{Farm, STEADING, until};

const FARM: &str = r#"
worker("barn", slots = 2)
builder("long", steps = [shell("echo > DIR/begun; while [ ! -e DIR/go ]; do sleep 0.05; done")])
"#;

/// Longest a clean stop may take.
const STOP_MAX: Duration = Duration::from_secs(3);

/// `up` with this socket passed as a service manager passes it: descriptor 3, and our process id.
fn with_socket(farm: &Farm, socket: &TcpListener) -> Command {
    let script = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" up";
    #[expect(clippy::disallowed_methods, reason = "the test stands for a service manager")]
    let mut command = Command::new("sh");
    let socket: OwnedFd = socket.try_clone().expect("a descriptor").into();
    command.args(["-c", script, STEADING]).current_dir(farm.path()).stdin(Stdio::from(socket));
    command
}

/// What became of connections made without a pause.
#[derive(Default)]
struct Tally {
    answered: AtomicUsize,
    refused: AtomicUsize,
    cut: AtomicUsize,
}

fn knock(address: SocketAddr, tally: &Tally) {
    let asked = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(stream, "GET /healthz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer.starts_with("HTTP/1.1 200"))
    };
    let counter = match asked() {
        Ok(true) => &tally.answered,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => &tally.refused,
        _ => &tally.cut,
    };
    counter.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn restarts_under_a_kept_socket_refuse_no_connection() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("bound");
    let mut farm = Farm::new(FARM);
    let url = farm.up_as(with_socket(&farm, &socket));
    assert_eq!(url, format!("http://{address}"), "it listens on what was passed");
    let (tally, over) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let knockers: Vec<_> = (0..3)
        .map(|_| {
            let (tally, over) = (tally.clone(), over.clone());
            std::thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    knock(address, &tally);
                }
            })
        })
        .collect();
    const RESTARTS: usize = 3;
    for _ in 0..RESTARTS {
        let before = tally.answered.load(Ordering::SeqCst);
        until("it answers", || (tally.answered.load(Ordering::SeqCst) > before + 20).then_some(()));
        let began = Instant::now();
        assert_eq!(farm.stop(), Some(0), "{}", farm.said());
        assert!(began.elapsed() < STOP_MAX, "{:?}", began.elapsed());
        farm.up_as(with_socket(&farm, &socket));
    }
    let before = tally.answered.load(Ordering::SeqCst);
    until("it answers", || (tally.answered.load(Ordering::SeqCst) > before + 20).then_some(()));
    over.store(true, Ordering::SeqCst);
    for knocker in knockers {
        knocker.join().expect("it ends");
    }
    assert_eq!(tally.refused.load(Ordering::SeqCst), 0, "no connection is refused");
    // One that was accepted at the very moment of the stop may be closed without an answer.
    let cut = tally.cut.load(Ordering::SeqCst);
    assert!(cut <= RESTARTS * 3, "{cut} connections were cut");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn a_service_manager_hears_that_we_listen_that_we_are_well_and_that_we_stop() {
    let mut farm = Farm::new(FARM);
    let path = farm.outside("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
    let mut command = farm.command(&["up", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    farm.up_as(command);
    let hear = || {
        let mut buffer = [0; 512];
        let length = manager.recv(&mut buffer).expect("something is said");
        String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
    };
    assert_eq!(hear(), "READY=1");
    assert_eq!([hear(), hear()], ["WATCHDOG=1", "WATCHDOG=1"]);
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    let last = std::iter::repeat_with(hear).find(|said| said != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
    farm.is_gone_and_sound();
}

#[test]
fn a_stop_under_load_is_clean_and_quick_and_builds_run_on() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    let request = client.force_plain("long");
    let waiting: Vec<i64> = (0..20).map(|_| client.force_plain("long")).collect();
    until("the step runs", || farm.outside("begun").exists().then_some(()));
    client.build_in(request, "running");
    let feed = farm.feed();
    let began = Instant::now();
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    let took = began.elapsed();
    assert!(took < STOP_MAX, "{took:?}");
    say(&format!(
        "stop: gone after {:.2} s, with 2 builds that run and 19 requests that wait",
        took.as_secs_f64()
    ));
    drop(feed);
    farm.up();
    std::fs::write(farm.outside("go"), "").expect("written");
    for request in waiting.into_iter().chain([request]) {
        let complete = client.complete(request);
        assert_eq!((&complete["outcome"], &complete["epoch"]), (&"success".into(), &1.into()));
    }
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}
