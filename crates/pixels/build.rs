//! Compiles the small C files between libjpeg and this crate.

fn main() {
    for file in ["idct.c", "idct.h", "libjpeg.c", "libjpeg.h"] {
        println!("cargo:rerun-if-changed=src/jpeg/{file}");
    }
    println!("cargo:rerun-if-env-changed=DEP_JPEG_INCLUDE");
    let mut build = cc::Build::new();
    if let Some(folders) = std::env::var_os("DEP_JPEG_INCLUDE") {
        build.includes(std::env::split_paths(&folders));
    }
    build
        .file("src/jpeg/idct.c")
        .file("src/jpeg/libjpeg.c")
        .opt_level(3)
        .compile("vizsla_jpeg");
}
