//! Ends everything that a program has started.

use std::io;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Ends a program with all its children when it is dropped. On Unix that also happens when this
/// process ends in any other way. On Windows it does not, and children of a program that has
/// already ended are not found.
pub struct Guard {
    process: u32,
    /// A shell that waits for the end of its input (only on Unix).
    shell: Option<Child>,
}

/// The environment variable that all descendants of a program inherit.
const MARK: &str = "STARTED_BY_A_TEST";

/// Kills the process group of the program, and on Linux also the processes that have left the group
/// but bear the mark. It ignores Ctrl-C, because it has to outlive this process.
#[cfg(unix)]
const SCRIPT: &str = "
trap '' HUP INT QUIT TERM
read -r never
kill -s KILL -- \"-$0\" 2>/dev/null
[ -r /proc/self/environ ] || exit 0
for round in 1 2 3; do
    found=$(grep -lszF -- \"$1\" /proc/[0-9]*/environ)
    [ -n \"$found\" ] || exit 0
    for file in $found; do
        process=${file#/proc/}
        kill -s KILL \"${process%/environ}\" 2>/dev/null
    done
done";

impl Guard {
    /// Prepares the program that `command` starts, so that it can be guarded. Returns its mark.
    pub fn prepare(command: &mut Command) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{number}.", process::id());
        command.env(MARK, &mark);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        mark
    }

    /// Guards the program that was started.
    ///
    /// # Errors
    ///
    /// If the system cannot start another process for the guard.
    #[cfg(unix)]
    pub fn over(program: &Child, mark: String) -> io::Result<Guard> {
        use std::os::unix::process::CommandExt;

        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, &program.id().to_string(), &format!("{MARK}={mark}")]);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Ok(Guard { process: program.id(), shell: Some(shell.spawn()?) })
    }

    /// Guards the program that was started.
    ///
    /// # Errors
    ///
    /// Never on this system.
    #[cfg(not(unix))]
    pub fn over(program: &Child, _: String) -> io::Result<Guard> {
        Ok(Guard { process: program.id(), shell: None })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            let _ = shell.wait(); // it has been started, and ends by itself
        } else if cfg!(windows) {
            let mut kill = Command::new("taskkill");
            kill.args(["/T", "/F", "/PID", &self.process.to_string()]);
            // Fails if the program has already ended.
            let _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}
