//! Tells the linker what an addon needs of Node.

fn main() {
    napi_build::setup();
}
