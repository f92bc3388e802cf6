//! Nothing can be awaited inside a write section.

use steading_store::Store;

async fn dispatch(store: Store) {
    let other = store.clone();
    let _ = store
        .write("claim", move |_w| {
            other.read(|r| r.newest_seq()).await?;
            Ok(())
        })
        .await;
}

fn main() {
    let _ = dispatch;
}
