// The compiler's version and the library's, for the table.
use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap();
    let version = String::from_utf8(Command::new(rustc).arg("--version").output().unwrap().stdout).unwrap();
    println!("cargo:rustc-env=PEER_RUSTC={}", version.split(' ').take(2).collect::<Vec<_>>().join(" "));
    println!("cargo:rerun-if-changed=build.rs");
}
