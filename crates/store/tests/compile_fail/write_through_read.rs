//! A read section has no way to write.

use steading_core::words::RequestId;
use steading_store::Store;

async fn sneak(store: Store) {
    let _ = store.read(|r| r.prioritize(RequestId(1), 7, "ada")).await;
}

fn main() {
    let _ = sneak;
}
