//! Drives a real browser over the Chrome DevTools Protocol, and serves files to it.
//!
//! With `--remote-debugging-pipe` the browser reads commands from its descriptor 3 and answers on
//! 4, in JSON with a NUL byte after each message. Only the browser has to be installed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};
use std::{fs, thread};

use harness::{DEADLINE, scratch};
use serde_json::{Value, json};

/// A page in a browser of its own.
pub struct Page {
    browser: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    session: String,
    profile: PathBuf,
    last: u64,
    /// The errors in the page so far, and its warnings and errors on the console.
    pub complaints: Vec<String>,
    _turn: Turn,
}

/// How many browsers may run at the same time. Each keeps a processor busy while it loads a page, so
/// with one for every test at once a page would take longer to load than a test waits for it.
const MOST_BROWSERS: usize = 2;

/// The right to run a browser.
struct Turn;

static RUNNING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

impl Turn {
    /// Waits until fewer browsers run than may.
    fn take() -> Turn {
        let (running, ended) = &RUNNING;
        let running = running.lock().expect("no panic");
        let mut running =
            ended.wait_while(running, |running| *running >= MOST_BROWSERS).expect("no panic");
        *running += 1;
        Turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (running, ended) = &RUNNING;
        *running.lock().expect("no panic") -= 1;
        ended.notify_one();
    }
}

impl Page {
    /// Starts a browser. Its window is `width` by `height` pixels.
    pub fn open(width: u32, height: u32) -> Page {
        let turn = Turn::take();
        let profile = scratch().join(format!("profile-{}", unique()));
        let browser = recorder::tools::browser().expect("a browser");
        let mut browser = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null", browser])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"])
            .args(["--disable-dev-shm-usage", "--no-first-run", "--force-prefers-reduced-motion"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a browser starts");
        let commands = browser.stdin.take().expect("its commands");
        let mut answers = BufReader::new(browser.stdout.take().expect("its answers"));
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while answers.read_until(0, &mut message).is_ok_and(|length| length > 0) {
                let value = serde_json::from_slice(message.strip_suffix(&[0]).unwrap_or(&message));
                if value.is_ok_and(|value: Value| sender.send(value).is_err()) {
                    return;
                }
                message.clear();
            }
        });
        let session = String::new();
        let mut page = Page {
            browser,
            commands,
            messages,
            session,
            profile,
            last: 0,
            complaints: Vec::new(),
            _turn: turn,
        };
        let target = page.call("Target.createTarget", json!({"url": "about:blank"}));
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let attached = page.call("Target.attachToTarget", target);
        page.session = attached["sessionId"].as_str().expect("a session").to_string();
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.resize(width, height);
        page
    }

    /// Resizes the window.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Switches the page's scripts off.
    pub fn without_javascript(&mut self) {
        self.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    }

    /// Lays the page out as it is printed.
    pub fn print(&mut self) {
        self.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    }

    /// Goes to an address by way of an empty page, because another `#step` alone would load
    /// nothing.
    pub fn go(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": "about:blank"}));
        self.wait_for("location.href === 'about:blank'");
        self.call("Page.navigate", json!({"url": url}));
        self.wait_for("location.href !== 'about:blank' && document.readyState === 'complete'");
    }

    /// Returns the value of an expression in JavaScript.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let command = json!({"expression": expression, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", command);
        let exception = &answer["exceptionDetails"];
        assert!(exception.is_null(), "{expression}: {exception}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub fn wait_for(&mut self, expression: &str) {
        let deadline = Instant::now() + DEADLINE;
        while self.evaluate(&format!("!!({expression})")) != true {
            assert!(Instant::now() < deadline, "never: {expression}; {:?}", self.complaints);
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses and releases a key, such as `ArrowRight` or ` `.
    pub fn press(&mut self, key: &str) {
        let code = match key {
            " " => 32,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            _ => 0,
        };
        for event in ["rawKeyDown", "keyUp"] {
            let event = json!({"type": event, "key": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut command = json!({"id": self.last, "method": method, "params": parameters});
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).expect("the browser listens");
        loop {
            let message = self.messages.recv_timeout(DEADLINE);
            let message =
                message.unwrap_or_else(|_| panic!("the browser does not answer {method}"));
            if message["id"] == self.last {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.note(&message);
        }
    }

    fn note(&mut self, message: &Value) {
        let parameters = &message["params"];
        match message["method"].as_str().unwrap_or("") {
            "Runtime.exceptionThrown" => {
                self.complaints.push(parameters["exceptionDetails"].to_string());
            }
            "Runtime.consoleAPICalled"
                if matches!(parameters["type"].as_str(), Some("error" | "warning")) =>
            {
                self.complaints.push(parameters["args"].to_string());
            }
            "Log.entryAdded" if parameters["entry"]["level"] == "error" => {
                self.complaints.push(parameters["entry"].to_string());
            }
            _ => {}
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.browser.kill();
        let _ = self.browser.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

/// Serves the files in `folder` to one client after the other, as long as this process runs.
pub fn serve(folder: &Path) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    let folder = folder.to_path_buf();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let folder = folder.clone();
            thread::spawn(move || answer(client, &folder));
        }
    });
    address
}

/// Answers one request, and closes.
fn answer(client: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut request = BufReader::new(client.try_clone()?.take(64 * 1024));
    let mut first = String::new();
    request.read_line(&mut first)?;
    let mut line = String::new();
    while request.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or("/").trim_start_matches('/');
    let path = path.split(['?', '#']).next().unwrap_or("");
    let kinds = [
        ("html", "text/html"),
        ("css", "text/css"),
        ("js", "text/javascript"),
        ("json", "application/json"),
        ("svg", "image/svg+xml"),
    ];
    let kind = kinds.iter().find(|(end, _)| path.ends_with(&format!(".{end}")));
    let kind = kind.map_or("application/octet-stream", |(_, kind)| kind);
    let (status, body) = match fs::read(folder.join(path)) {
        Ok(body) if !path.contains("..") => ("200 OK", body),
        _ => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    let mut client = client;
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    client.write_all(&body)
}

fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
