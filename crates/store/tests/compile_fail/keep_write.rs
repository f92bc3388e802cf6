//! The write handle does not outlive its section.

use std::cell::RefCell;

use steading_store::{Store, Write};

thread_local! {
    static KEPT: RefCell<Option<&'static mut Write<'static>>> = const { RefCell::new(None) };
}

async fn keep(store: Store) {
    let _ = store
        .write("keep", |w| {
            KEPT.with(|kept| *kept.borrow_mut() = Some(w));
            Ok(())
        })
        .await;
}

fn main() {
    let _ = keep;
}
