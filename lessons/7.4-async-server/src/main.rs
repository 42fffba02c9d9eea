// ANCHOR: header
//! 7.4 Broadcast chat with tokio: a task for each client, and an orderly end.
//!
//!     cargo run -p lesson-async-server
//!     cargo run -p lesson-broadcast-client     (in a second terminal, and a third; or telnet)
//!
//! It reads like the threads of 6.3.2 and runs like the event loop of 7.3: at each `await` the
//! thread goes on with another task. The log and the policies are those of 7.2: a reader is
//! disconnected when it has fallen off the log's tail, or (on Linux) has taken in nothing for 90 s
//! while something waits for it. A speaker that is too fast is held up.

use anyhow::Context;
use lesson_async_server::run;
use lesson_shared_log_server::SEND_BUFFER;
use shared::{CtrlC, Failure, lesson, listen, print_line, set_send_buffer};
use tokio::runtime;
use tokio::sync::oneshot;
// ANCHOR_END: header

// ANCHOR: main
fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    set_send_buffer(&listener, SEND_BUFFER);
    print_line!("server listening at port {}", bound.port());
    let (press, pressed) = oneshot::channel::<()>();
    let _last_lines = CtrlC::calls(|| drop(press))?;

    // One thread runs all tasks, because several would only wait for each other at the log.
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    runtime.block_on(run(listener, pressed)).context("cannot use the listener with tokio")?;
    Ok(())
}
// ANCHOR_END: main
