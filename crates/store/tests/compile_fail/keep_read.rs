//! Nor does the read handle.

use std::cell::RefCell;

use steading_store::{Read, Store};

thread_local! {
    static KEPT: RefCell<Option<&'static Read<'static>>> = const { RefCell::new(None) };
}

async fn keep(store: Store) {
    let _ = store
        .read(|r| {
            KEPT.with(|kept| *kept.borrow_mut() = Some(r));
            Ok(())
        })
        .await;
}

fn main() {
    let _ = keep;
}
