//! The master's disk: when it is nearly full the farm starts nothing and takes up nothing, says so,
//! and goes on by itself once there is room. What runs goes on: workers keep what is not taken.

use std::path::Path;
use std::time::Duration;

use steading_core::farm::Farm;
use steading_core::words::FarmRow;
use steading_store::Error;
use tokio_util::sync::CancellationToken;

use crate::context::Context;

/// The code of the farm's trouble.
pub(crate) const CODE: &str = "disk_full";
/// How often the disk is looked at.
const PERIOD: Duration = Duration::from_secs(2);
/// Room that is kept free unless the farm says otherwise, in bytes.
const KEEP_FREE_BYTES: u64 = 256 << 20;

/// Looks again and again.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut unread = false;
    loop {
        match free_bytes(&context.data) {
            Ok(free) => {
                unread = false;
                if let Err(error) = pass(&context, free).await {
                    tracing::error!("cannot record how full the disk is: {error}");
                }
            }
            Err(error) if !unread => {
                unread = true;
                tracing::error!("{}: cannot see how full it is: {error}", context.data.display());
            }
            Err(_) => {}
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// Whether nothing may be taken up for want of room.
pub(crate) fn is_full(farm: &FarmRow) -> bool {
    farm.troubles.iter().any(|trouble| trouble.code == CODE)
}

async fn pass(context: &Context, free: u64) -> Result<(), Error> {
    let keep = keep_free(&context.farms.present().farm);
    let was = is_full(&context.store.read(|r| r.farm_row()).await?);
    let now = full(free, keep, was);
    if now == was {
        return Ok(());
    }
    let text = now.then(|| {
        let (free, keep) = (mib(free), mib(keep));
        format!(
            "the disk of {} is nearly full: {free} MiB left, nothing is started until there are \
             {keep} MiB",
            context.data.display()
        )
    });
    match &text {
        Some(text) => tracing::warn!("{text}"),
        None => tracing::info!("there is room on the disk again"),
    }
    let section = move |w: &mut steading_store::Write<'_>| w.farm_trouble(CODE, text.as_deref());
    context.store.write("disk.watch", section).await
}

fn keep_free(farm: &Farm) -> u64 {
    farm.keep_free.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(KEEP_FREE_BYTES)
}

/// Full below what is kept free; no longer full an eighth above it, so that it does not flicker.
fn full(free: u64, keep: u64, was: bool) -> bool {
    free < if was { keep.saturating_add(keep / 8) } else { keep }
}

fn mib(bytes: u64) -> u64 {
    bytes >> 20
}

/// Bytes that we may still write to the file system of a directory.
fn free_bytes(directory: &Path) -> std::io::Result<u64> {
    let found = rustix::fs::statvfs(directory)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_does_not_flicker() {
        let check = |free, was, expected| assert_eq!(full(free, 800, was), expected, "{free}");
        check(900, false, false);
        check(799, false, true);
        check(850, true, true);
        check(900, true, false);
    }
}
