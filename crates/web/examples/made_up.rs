//! Serves a made-up farm, to look at its pages in a browser: one build runs and prints for ever.
//! `cargo run -p steading-web --example made_up [empty]`, then open the address it prints.

#![expect(clippy::print_stdout, reason = "the address is what the program is for")]

use std::net::SocketAddr;

use steading_core::words::Micros;

#[path = "../tests/pages/farm.rs"]
mod farm;
#[path = "../tests/pages/past.rs"]
mod past;

#[tokio::main]
async fn main() {
    let empty = std::env::args().nth(1).is_some_and(|word| word == "empty");
    let (farm, made) = if empty {
        (farm::Farm::new(&[("hello", &["checkout", "build"])]).await, None)
    } else {
        let (farm, made) = past::busy().await;
        (farm, Some(made))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let bound = listener.local_addr().expect("it is bound");
    println!("http://{bound}");
    println!("cookie steading_{}={}", bound.port(), farm::SECRET);
    let app = farm.web(bound).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    print_for_ever(&farm, made).await;
}

async fn print_for_ever(farm: &farm::Farm, made: Option<farm::Made>) {
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(400));
    let mut offset = made.map_or(0, |m| m.out_bytes);
    for n in 24.. {
        tick.tick().await;
        if made.is_some() && n > 25 && n % 25 == 0 {
            // A short build now and then, so that lists have news.
            let steps =
                vec![farm::step("checkout", 900, &["ok"]), farm::step("render", 700, &["ok"])];
            farm.build(farm::Past::of("docs", "barn", steps)).await;
        }
        farm.run(Micros(farm.now().0 + 400_000));
        let Some(log) = made.and_then(|m| m.out) else { continue };
        let line = format!("test parser::case_{n:03} ... \x1b[32mok\x1b[0m\n");
        farm.archive.tail(log, offset, farm.now(), line.as_bytes());
        offset += line.len() as u64;
    }
}
