//! Which run of the machine this is: what was not synced under an earlier one may be lost.

/// What the kernel calls this run of the machine.
pub(crate) fn boot() -> String {
    let boot = fs_err::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    boot.trim().to_owned()
}
