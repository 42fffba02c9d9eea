//! Plays the runs that the chapters show.

use std::ops::Range;

use anyhow::{Context, Result, bail};

use crate::capture::Segment;
use crate::stage::Stage;

/// A run to be recorded.
pub struct Scenario {
    /// The name of the file in book/src/recordings, without `.js`.
    pub name: &'static str,
    /// The packages that it runs.
    pub packages: &'static [&'static str],
    /// The features that it shows beyond those of every recording.
    pub about: About,
    /// The function that plays it on the stage.
    pub play: fn(&mut Stage) -> Result<()>,
}

/// The features of a recording beyond those of every recording.
#[derive(Clone, Copy)]
pub struct About {
    /// Finds the times to tell of, unless everything is told. Everything between them is left
    /// out.
    pub only: Option<Only>,
    /// Whether the recording tells how much time passes between segments.
    pub times: bool,
}

/// Finds, among all segments, the times to tell of.
pub type Only = fn(&[Segment]) -> Result<Vec<Told>>;

/// A time to tell of, and a sentence about what happens then.
pub type Told = (Range<f64>, &'static str);

/// Returns whether `time` is one of the told times. If there are none, everything is told.
pub fn is_told(told_times: &[Told], time: f64) -> bool {
    told_times.is_empty() || told_times.iter().any(|(told, _)| told.contains(&time))
}

const PLAIN: About = About { times: false, only: None };

/// All scenarios, in the order of the book.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "listening-events",
        packages: &["lesson-listening-events"],
        about: PLAIN,
        play: listening_events,
    },
    Scenario {
        name: "socket-events",
        packages: &["lesson-socket-events"],
        about: PLAIN,
        play: socket_events,
    },
    Scenario { name: "greeting", packages: &["lesson-greeting"], about: PLAIN, play: greeting },
    Scenario {
        name: "online-counter",
        packages: &["lesson-online-counter"],
        about: PLAIN,
        play: online_counter,
    },
    Scenario {
        name: "two-way-talk",
        packages: &["lesson-bidirectional-server", "lesson-bidirectional-client"],
        about: PLAIN,
        play: two_way_talk,
    },
    Scenario {
        name: "stdin-echo",
        packages: &["lesson-stdin-echo"],
        about: PLAIN,
        play: stdin_echo,
    },
    Scenario {
        name: "broadcast",
        packages: &["lesson-broadcast-server", "lesson-broadcast-client"],
        about: PLAIN,
        play: broadcast,
    },
    Scenario {
        name: "broadcast-cut-character",
        packages: &["lesson-broadcast-server"],
        about: PLAIN,
        play: broadcast_cut_character,
    },
    Scenario {
        name: "broadcast-slow-reader",
        packages: &["lesson-broadcast-server"],
        about: PLAIN,
        play: broadcast_slow_reader,
    },
    Scenario {
        name: "broadcast-fast-speaker",
        packages: &["lesson-broadcast-server"],
        about: PLAIN,
        play: broadcast_fast_speaker,
    },
    Scenario {
        name: "framed",
        packages: &["lesson-framed-server", "lesson-framed-client"],
        about: PLAIN,
        play: framed,
    },
    Scenario {
        name: "shared-log",
        packages: &["lesson-shared-log-server"],
        about: PLAIN,
        play: shared_log,
    },
    Scenario {
        name: "event-loop",
        packages: &["lesson-event-loop-server"],
        about: PLAIN,
        play: event_loop,
    },
    Scenario { name: "async", packages: &["lesson-async-server"], about: PLAIN, play: tasks },
    Scenario {
        name: "no-delay",
        packages: &["measure"],
        about: About { times: true, only: Some(two_exchanges) },
        play: no_delay,
    },
];

fn listening_events(stage: &mut Stage) -> Result<()> {
    let server = stage.run("lesson-listening-events", &[])?;
    stage.see(server, "listening on")?;
    let second = stage.run("lesson-listening-events", &[])?;
    stage.ends(second)?;
    let client = stage.netcat()?;
    stage.see(server, "有客户端连接上来了")?; // a client has connected
    stage.ctrl_c(client)?;
    stage.ctrl_c_wakes(server)?;
    stage.ends(server)
}

fn socket_events(stage: &mut Stage) -> Result<()> {
    let program = stage.run("lesson-socket-events", &[])?;
    stage.accepting_end("its peer, a thread of the same program");
    stage.ends(program)
}

fn greeting(stage: &mut Stage) -> Result<()> {
    let server = stage.run("lesson-greeting", &[])?;
    stage.see(server, "服务器监听成功了")?; // listening
    let client = stage.netcat()?;
    stage.see(client, "hello")?;
    stage.ctrl_c(client)?;
    stage.ctrl_c_wakes(server)?;
    stage.ends(server)
}

fn online_counter(stage: &mut Stage) -> Result<()> {
    let server = stage.run("lesson-online-counter", &[])?;
    stage.see(server, "server listening")?;
    let one = stage.netcat()?;
    stage.see(one, "remotePort")?;
    let other = stage.netcat()?;
    stage.see(other, "remotePort")?;
    stage.ctrl_c(one)?;
    stage.see(server, "有客户端退出了,当前在线人数：1")?; // has left, now online: 1
    stage.ctrl_c(other)?;
    stage.see(server, "有客户端退出了,当前在线人数：0")
}

fn two_way_talk(stage: &mut Stage) -> Result<()> {
    let server = stage.run("lesson-bidirectional-server", &[])?;
    stage.see(server, "server listening")?;
    let client = stage.run("lesson-bidirectional-client", &[])?;
    stage.see(client, "我吃的小豆包")?; // I had bean-paste buns
    let nc = stage.netcat()?;
    stage.type_line(nc, "have you eaten?")?;
    stage.see(nc, "我吃的小豆包")?;
    stage.ctrl_c(server)?;
    stage.ends(client)
}

fn stdin_echo(stage: &mut Stage) -> Result<()> {
    let program = stage.run("lesson-stdin-echo", &[])?;
    for (typed, shown) in [("hello", "hello"), ("    four spaces before", "four"), ("你好", "你好")]
    {
        stage.type_line(program, typed)?;
        stage.see(program, shown)?;
    }
    stage.ctrl_d(program)?;
    stage.ends(program)
}

/// Shows that every client that connected before another one speaks receives what it says.
fn broadcast(stage: &mut Stage) -> Result<()> {
    let server = stage.run("lesson-broadcast-server", &[])?;
    stage.see(server, "server listening")?;
    let nc = stage.netcat()?;
    let one = stage.run("lesson-broadcast-client", &[])?;
    let other = stage.run("lesson-broadcast-client", &[])?;
    stage.type_line(one, "hello, who is here?")?;
    stage.see(nc, "who is here?\n")?;
    stage.see(other, "who is here?\n")?;
    stage.type_line(nc, "good morning from nc")?;
    stage.see(one, "from nc")?;
    stage.see(other, "from nc")?;
    stage.ctrl_d(other)?;
    stage.ends(other)?;
    stage.see(server, "有客户端退出了")?; // a client has left
    stage.ctrl_c(server)?;
    stage.ends(one)
}

/// Shows a character of three bytes of which two arrive, and the third only later.
fn broadcast_cut_character(stage: &mut Stage) -> Result<()> {
    let server = stage.run("lesson-broadcast-server", &[])?;
    stage.see(server, "server listening")?;
    let speaker = stage.netcat()?;
    let hearer = stage.netcat()?;
    stage.send(speaker, b"hello\n", "a whole line")?;
    stage.see(hearer, "hello\n")?;
    let you = "你".as_bytes();
    stage.send(speaker, &you[..2], "two of the three bytes of `你`")?;
    stage.note(hearer, "Nothing is passed on to terminal 3, because two bytes of a character cannot be shown. The server keeps them.")?;
    stage.send(speaker, &[&you[2..], b"\n"].concat(), "the third byte, and a newline")?;
    stage.see(hearer, "你\n")?;
    stage.ctrl_c(speaker)?;
    stage.see(server, "有客户端退出了") // a client has left
}

/// Shows a client that reads nothing, from the first byte that it leaves unread to its reset. Its
/// receive buffer is small, so its window closes after a few lines. The server's send buffer is
/// not.
fn broadcast_slow_reader(stage: &mut Stage) -> Result<()> {
    let server = stage.run("lesson-broadcast-server", &[])?;
    stage.see(server, "server listening")?;
    let slow = stage.netcat_that_does_not_read(16 * 1024)?;
    let speaker = stage.netcat()?;
    let line = |length: usize| [vec![b'.'; length - 1], vec![b'\n']].concat();
    for _ in 0..5 {
        stage.send(speaker, &line(4000), "a line of 4,000 bytes")?;
    }
    stage.send(speaker, &line(4000).repeat(500), "500 lines more")?;
    stage.see(server, "disconnected")?;
    stage.read_all(slow)
}

/// Shows a paste that is too large to be passed on without a pause: the speaker waits, and the
/// reader receives all of it.
fn broadcast_fast_speaker(stage: &mut Stage) -> Result<()> {
    let server = stage.run("lesson-broadcast-server", &[])?;
    stage.see(server, "server listening")?;
    let reader = stage.netcat()?;
    let speaker = stage.netcat()?;
    let lines = [[vec![b'.'; 3999], vec![b'\n']].concat().repeat(75), b"the end\n".to_vec()];
    stage.send(speaker, &lines.concat(), "75 lines of 4,000 bytes, and `the end`")?;
    stage.see(reader, "the end\n")?;
    stage.note(
        reader,
        "All of it has arrived, but that took about two seconds. After the first 64 KiB the server's thread slept between two reads, in `pace.wait()`. Meanwhile the rest waited in the two kernels, and TCP kept terminal 3 from sending more.",
    )
}

/// Shows two messages that arrive in one piece, and one message that arrives in two.
fn framed(stage: &mut Stage) -> Result<()> {
    let server = stage.run("lesson-framed-server", &[])?;
    stage.see(server, "server listening")?;
    let speaker = stage.netcat()?;
    let hearer = stage.run("lesson-framed-client", &[])?;
    let two = b"\0\0\0\x05hello\0\0\0\x03a\nb";
    stage.send(speaker, two, "two messages at the same time, each after its length: `hello`, and `a↵b`, in which there is a newline")?;
    stage.see(hearer, "a␊b\n")?;
    let you = b"\0\0\0\x03\xe4\xbd\xa0"; // 你 (you), which is three bytes
    stage.send(speaker, &you[..6], "the length 3, and two of the three bytes of `你`")?;
    stage.note(hearer, "Nothing is passed on to terminal 3. The length says that a byte is missing, so the server keeps the two that it has.")?;
    stage.send(speaker, &you[6..], "the third byte, and nothing after it")?;
    stage.see(hearer, "你\n")?; // you
    stage.ctrl_c(speaker)?;
    stage.see(server, "有客户端退出了")?; // a client has left
    stage.ctrl_c(server)?;
    stage.ends(hearer)
}

/// Shows a client that reads, and one that does not read until later, so its cursor falls behind
/// and then catches up. The paste is larger than the sum of the slow client's buffers, what its
/// thread has copied, and how far a reader may fall behind before its speaker is slowed down,
/// whatever the kernel counts as full.
fn shared_log(stage: &mut Stage) -> Result<()> {
    let server = stage.run("lesson-shared-log-server", &[])?;
    stage.see(server, "server listening")?;
    let reader = stage.netcat()?;
    let slow = stage.netcat_that_does_not_read(16 * 1024)?;
    let speaker = stage.netcat()?;
    stage.type_line(speaker, "hello, both of you")?;
    stage.see(reader, "both of you\n")?;
    stage.note(
        speaker,
        "The line is in the log once. Each client's thread `to …` has sent it from there, and has moved its client's cursor behind it.",
    )?;
    let lines = [[vec![b'.'; 3999], vec![b'\n']].concat().repeat(80), b"the end\n".to_vec()];
    stage.send(speaker, &lines.concat(), "80 long lines, and `the end`")?;
    stage.see(reader, "the end\n")?;
    stage.note(
        slow,
        "Terminal 2 has everything: its cursor is at the end of the log. Terminal 3 reads nothing, so the thread that sends to it waits in `write_all`, and its cursor stays behind. For a second the server read no more from terminal 4, because a slow reader might catch up. Terminal 3 did not, so now nobody waits for it.",
    )?;
    stage.read_on(slow, "the end\n")?;
    stage.note(
        slow,
        "Now both cursors are at the end of the log. Each write sent everything that its client had missed, up to 32 KiB.",
    )?;
    stage.ctrl_c(slow)?;
    stage.see(server, "有客户端退出了")?; // a client has left
    stage.ctrl_c(speaker)?;
    stage.see(server, "有客户端退出了\n有客户端退出了")
}

fn event_loop(stage: &mut Stage) -> Result<()> {
    let server = stage.run("lesson-event-loop-server", &[])?;
    stage.see(server, "server listening")?;
    let one = stage.netcat()?;
    let two = stage.netcat()?;
    let speaker = stage.netcat()?;
    stage.type_line(speaker, "hello, both of you")?;
    stage.see(one, "both of you\n")?;
    stage.see(two, "both of you\n")?;
    stage.ctrl_c(one)?;
    stage.see(server, "有客户端退出了")?; // a client has left
    stage.type_line(speaker, "only one is left")?;
    stage.see(two, "is left\n")?;
    stage.ctrl_c(speaker)?;
    stage.see(server, "有客户端退出了\n有客户端退出了")
}

/// Shows one thread that runs the tasks of two clients: whenever a task awaits something, the
/// thread continues with the other.
fn tasks(stage: &mut Stage) -> Result<()> {
    let server = stage.run("lesson-async-server", &[])?;
    stage.see(server, "server listening")?;
    let hearer = stage.netcat()?;
    let speaker = stage.netcat()?;
    stage.note(
        server,
        "Each client has a task, but no thread of its own. A task that finds nothing to read awaits it, and gives the thread away. `block_on` runs the other tasks, and when they all await something, it waits in `poll` for all of them.",
    )?;
    stage.type_line(speaker, "hello")?;
    stage.see(hearer, "hello\n")?;
    stage.ctrl_c(speaker)?;
    stage.see(server, "有客户端退出了")?; // a client has left
    stage.ctrl_c(hearer)?;
    stage.see(server, "有客户端退出了\n有客户端退出了")
}

fn no_delay(stage: &mut Stage) -> Result<()> {
    let program = stage.run_example("no_delay")?;
    stage.accepting_end("the hearer's end, in the same program");
    stage.ends(program)
}

/// Finds two of the measuring program's many exchanges that show what `TCP_NODELAY` changes. Each
/// has two writes and an answer: one without the option, on the program's third connection, and one
/// with it, on the fourth.
fn two_exchanges(segments: &[Segment]) -> Result<Vec<Told>> {
    let connects = segments.iter().filter(|one| one.flags == "S");
    let ports: Vec<u16> = connects.map(|one| one.from).skip(2).take(2).collect();
    let [without, with] = ports[..] else { bail!("the program makes too few connections") };
    let held_back = |exchange: &Exchange| {
        let acknowledged = |one: &Segment| one.to == without && one.data.is_empty();
        let just_before = |one: &Segment| (0.0..0.001).contains(&(exchange.second - one.time));
        exchange.waits() > 0.035 && segments.iter().any(|one| acknowledged(one) && just_before(one))
    };
    let without = exchanges(segments, without).into_iter().rfind(held_back);
    let without = without.context("the kernel never holds the second write back")?;
    let with = exchanges(segments, with).into_iter();
    let with = with.min_by(|one, other| one.waits().total_cmp(&other.waits()));
    let with = with.context("there is no exchange with TCP_NODELAY")?;
    Ok(vec![
        (without.all, "Two small writes and an answer, *without* `TCP_NODELAY`."),
        (with.all, "Two small writes and an answer once more, *with* `TCP_NODELAY`."),
    ])
}

/// An exchange: two writes and the answer to them.
struct Exchange {
    /// The time from the first write until the program sends something else.
    all: Range<f64>,
    /// When the second write was sent.
    second: f64,
}

impl Exchange {
    /// Returns how long after the first write the second one was sent.
    fn waits(&self) -> f64 {
        self.second - self.all.start
    }
}

fn exchanges(segments: &[Segment], port: u16) -> Vec<Exchange> {
    let of_port = segments.iter().filter(|one| one.from == port || one.to == port);
    let sent: Vec<&Segment> =
        of_port.filter(|one| !one.data.is_empty() || one.flags.contains('F')).collect();
    let is_exchange = |four: &&[&Segment]| {
        four[..3].iter().all(|one| !one.data.is_empty())
            && [four[0].from, four[1].from, four[2].to] == [port; 3]
    };
    let exchange =
        |four: &[&Segment]| Exchange { all: four[0].time..four[3].time, second: four[1].time };
    sent.windows(4).filter(is_exchange).map(exchange).collect()
}
