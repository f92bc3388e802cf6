//! What the first farm builds.

fn main() {
    let whom = std::env::args().nth(1).unwrap_or_else(|| "world".to_owned());
    println!("Hello, {whom}!");
    eprintln!("(this line went to stderr, and was kept apart)");
}
