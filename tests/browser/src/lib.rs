//! Drives a real browser over the Chrome DevTools Protocol, for the tests of pages.
//!
//! With `--remote-debugging-pipe` the browser reads commands from its descriptor 3 and answers on
//! 4, in JSON with a NUL byte after each message. Only the browser has to be installed.

#![cfg(unix)] // the browser's descriptors 3 and 4, and its process group

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};
use std::{fs, thread};

use data_encoding::BASE64;
use harness::{DEADLINE, runs, scratch};
use serde_json::{Value, json};

/// Returns a browser of the Chromium family, if there is one.
pub fn installed() -> Option<&'static str> {
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    browsers.into_iter().find(|browser| runs(browser, &["--version"]))
}

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
    /// Waits until there is room for `N` more browsers. A test that took them one after the other could
    /// wait for another test that does the same.
    fn take<const N: usize>() -> [Turn; N] {
        let (running, ended) = &RUNNING;
        let running = running.lock().expect("no panic");
        let is_full = |running: &mut usize| *running + N > MOST_BROWSERS;
        let mut running = ended.wait_while(running, is_full).expect("no panic");
        *running += N;
        [(); N].map(|()| Turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (running, ended) = &RUNNING;
        *running.lock().expect("no panic") -= 1;
        ended.notify_all();
    }
}

impl Page {
    /// Starts a browser. Its window is `width` by `height` pixels.
    pub fn open(width: u32, height: u32) -> Page {
        let [page] = Page::open_all([(width, height)]);
        page
    }

    /// Starts several browsers for one test, two at most.
    pub fn open_all<const N: usize>(sizes: [(u32, u32); N]) -> [Page; N] {
        const { assert!(N <= MOST_BROWSERS) };
        let mut turns = Turn::take::<N>().into_iter();
        sizes.map(|(width, height)| Page::start(width, height, turns.next().expect("one for each")))
    }

    fn start(width: u32, height: u32, turn: Turn) -> Page {
        let profile = scratch().join(format!("profile-{}", unique()));
        let browser = installed().expect("a browser");
        let mut browser = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null", browser])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"])
            .args(["--disable-dev-shm-usage", "--no-first-run", "--force-prefers-reduced-motion"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0) // for `suspend`
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

    /// Makes the page believe that its reader prefers a language, such as `zh-CN`.
    pub fn prefer_language(&mut self, language: &str) {
        let agent = self.evaluate("navigator.userAgent");
        let agent = json!({"userAgent": agent, "acceptLanguage": language});
        self.call("Emulation.setUserAgentOverride", agent);
    }

    /// Makes the page believe that its reader prefers a colour scheme, `light` or `dark`.
    pub fn prefer_colours(&mut self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Lists the elements that `selector` finds and whose contrast is less than 4.5:1, which WCAG 2.2
    /// asks for in 1.4.3: for each colour the text of one of them, and its contrast.
    pub fn faint(&mut self, selector: &str) -> Value {
        self.evaluate(&format!("({FAINT})({})", json!(selector)))
    }

    /// Lists what a screen reader is told about the page: the role, name and value of each part.
    pub fn for_ears(&mut self) -> Vec<[String; 3]> {
        let tree = self.call("Accessibility.getFullAXTree", json!({}));
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let told = nodes.iter().filter(|node| node["ignored"] != true);
        told.map(|node| {
            ["role", "name", "value"]
                .map(|what| node[what]["value"].as_str().unwrap_or_default().to_string())
        })
        .collect()
    }

    /// Returns a picture of the window, in PNG.
    pub fn picture(&mut self) -> Vec<u8> {
        let picture = self.call("Page.captureScreenshot", json!({"format": "png"}));
        let picture = picture["data"].as_str().expect("a picture");
        BASE64.decode(picture.as_bytes()).expect("in base 64")
    }

    /// Types text as a keyboard or an input method does.
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Suspends the browser with all its processes, as a phone does that locks its screen.
    pub fn suspend(&self) {
        self.signal("-STOP");
    }

    /// Resumes a suspended browser.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Sends a signal to the browser's process group.
    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.browser.id());
        let status = Command::new("sh").args(["-c", "kill $0 $1", signal, &group]).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot send the browser {signal}");
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
            "Tab" => 9,
            "Enter" => 13,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            _ => 0,
        };
        // A form is submitted by the character that Enter types, and not by the key.
        let (down, text) = if key == "Enter" { ("keyDown", "\r") } else { ("rawKeyDown", "") };
        for event in [down, "keyUp"] {
            let event =
                json!({"type": event, "key": key, "windowsVirtualKeyCode": code, "text": text});
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

fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// See [`Page::faint`].
const FAINT: &str = r"(selector) => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const luminance = (colours) => {
        for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
        const linear = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((byte) =>
            byte / 255 <= 0.04045 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const behind = (node) => node
        ? [...behind(node.parentElement), getComputedStyle(node).backgroundColor] : ['white'];
    const faint = new Map();
    for (const link of document.querySelectorAll(selector)) {
        if (link.offsetWidth === 0) continue;
        const ground = behind(link);
        const [one, other] = [luminance(ground), luminance([...ground, getComputedStyle(link).color])];
        const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (contrast < 4.5) faint.set(getComputedStyle(link).color, [link.textContent, contrast.toFixed(2)]);
    }
    return [...faint.values()];
}";
