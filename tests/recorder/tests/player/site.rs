//! Builds the book for the tests, and finds things in it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use browser::Page;
use recorder::recording::Recording;

use crate::files::serve;

pub static BROWSER: needs::Need = needs::Need::new("chromium and mdbook", || {
    browser::installed().is_some() && recorder::tools::mdbook()
});

/// Returns an expression that finds a player.
pub fn figure(name: &str) -> String {
    format!("document.querySelector('figure[data-recording=\"{name}\"]')")
}

/// Opens a page at a step of a player, and waits until that step is shown.
pub fn open(page: &mut Page, file: &str, name: &str, step: usize) {
    page.go(&format!("{}#{name}={step}", address(file)));
    page.wait_for(&format!("{} === '{step}'", step_of(name)));
}

/// Goes to another step of a player in the page that is open.
pub fn turn_to(page: &mut Page, name: &str, step: usize) {
    page.evaluate(&format!("location.hash = '#{name}={step}'"));
    page.wait_for(&format!("{} === '{step}'", step_of(name)));
}

pub fn step_of(name: &str) -> String {
    format!("{}.dataset.step", figure(name))
}

/// Returns every player of the book: the page, without its extension, and the recording.
pub fn players() -> Vec<(String, String)> {
    let pages = fs::read_dir(harness::repository().join("book/src")).expect("the book");
    let mut players = Vec::new();
    for path in pages.map(|page| page.expect("a page").path()) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let page = path.file_stem().unwrap_or_default().to_string_lossy();
        for figure in text.split("<figure class=\"player\" data-recording=\"").skip(1) {
            let name = figure.split('"').next().unwrap_or("");
            players.push((page.to_string(), name.to_string()));
        }
    }
    players.sort();
    assert!(players.len() > 8, "the book has players");
    players
}

pub fn recording(name: &str) -> Recording {
    let file = harness::repository().join("book/src/recordings").join(format!("{name}.js"));
    let text =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Recording::from_script(&text).unwrap_or_else(|error| panic!("{}: {error:#}", file.display()))
}

/// Returns the address at which a page is served.
pub fn address(page: &str) -> String {
    static SERVER: OnceLock<SocketAddr> = OnceLock::new();
    format!("http://{}/{page}.html", SERVER.get_or_init(|| serve(book())))
}

/// Returns the address of a page that is opened as a file, as from a USB stick.
pub fn file(page: &str) -> String {
    format!("file://{}/{page}.html", book().display())
}

/// Returns the names of all pages, without their extension.
pub fn pages() -> Vec<String> {
    let sources = fs::read_dir(harness::repository().join("book/src")).expect("the book");
    let sources = sources.map(|page| page.expect("a page").path());
    let pages = sources.filter(|path| path.extension().is_some_and(|found| found == "md"));
    let name = |path: PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut pages: Vec<String> = pages.map(name).filter(|page| page != "SUMMARY").collect();
    pages.sort();
    pages
}

/// Builds the book, once for all tests, and returns its folder.
fn book() -> &'static PathBuf {
    static BOOK: OnceLock<PathBuf> = OnceLock::new();
    BOOK.get_or_init(|| {
        let folder = harness::scratch().join("book");
        let mut mdbook = Command::new("mdbook");
        mdbook.arg("build").arg(harness::repository().join("book")).arg("--dest-dir").arg(&folder);
        let output = mdbook.output().expect("mdbook");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        folder
    })
}
