//! How the binary is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        // Each step begins with an errand: this program, started anew. At a fixed address the
        // linker has relocated its megabyte of pointers once; otherwise the loader does it at
        // every start, page by page, which took longer than everything else an errand does.
        // Libraries, stack and heap are still placed by chance.
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
