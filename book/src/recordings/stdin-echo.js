(window.recordings ??= {})["stdin-echo"] = {
  "made_by": "cargo run -p recorder -- stdin-echo",
  "terminals": [
    {"title":"cargo run -p lesson-stdin-echo"}
  ],
  "steps": [
    {
      "caption": "In terminal 1: `cargo run -p lesson-stdin-echo`.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"$ cargo run -p lesson-stdin-echo\n","typed":true}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":28,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 1 somebody types `hello` and Enter.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"hello\n","typed":true}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `read_until` returned 6: a line from the keyboard. The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":28,"name":"read","within":"read_until","value":"6"}
      ],
      "screen": [
        {"terminal":1,"text":"hello\n","by":["main",0,37]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":28,"call":"read → 6"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":28,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 1 somebody types `    four spaces before` and Enter.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"    four spaces before\n","typed":true}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `read_until` returned 23: a line from the keyboard. The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":28,"name":"read","within":"read_until","value":"23"}
      ],
      "screen": [
        {"terminal":1,"text":"four spaces before\n","by":["main",0,37]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":28,"call":"read → 23"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":28,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 1 somebody types `你好` and Enter.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"你好\n","typed":true}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `read_until` returned 7: a line from the keyboard. The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":28,"name":"read","within":"read_until","value":"7"}
      ],
      "screen": [
        {"terminal":1,"text":"你好\n","by":["main",0,37]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":28,"call":"read → 7"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":28,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 1 somebody presses Ctrl-D, which ends the input.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"^D\n","typed":true}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `read_until` returned 0: nothing more will be typed (*end*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":28,"name":"read","within":"read_until","value":"0"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":28,"call":"read → 0"}
      ]
    },
    {
      "caption": "The program in terminal 1 has ended, with exit status 0.",
      "ended": [[1,"main"]]
    }
  ],
  "sources": [
    {"file": "lessons/6.3.1-stdin-echo/src/main.rs", "lines": [
      [18,"fn main() -> Result<(), Failure> {"],
      [19,"    lesson!().no_arguments();"],
      [20,""],
      [21,"    let mut keyboard = io::stdin().lock();"],
      [22,"    let mut decoder = Utf8Decoder::default();"],
      [23,"    let mut line = Vec::new();"],
      [24,"    loop {"],
      [25,"        line.clear();"],
      [26,"        let length = (&mut keyboard)"],
      [27,"            .take(LONGEST)"],
      [28,"            .read_until(b'\\n', &mut line) // waits until Enter is pressed"],
      [29,"            .context(\"cannot read standard input, which may be a terminal, a file or a pipe\")?;"],
      [30,""],
      [31,"        let text = match length {"],
      [32,"            0 => decoder.finish(),      // `end`: Ctrl-D, on Windows Ctrl-Z and Enter"],
      [33,"            _ => decoder.decode(&line), // `data`"],
      [34,"        };"],
      [35,"        // Perhaps only the first bytes of a character have arrived: that is not text yet."],
      [36,"        if !text.is_empty() {"],
      [37,"            print_or_exit(&format!(\"{}\\n\", trim(&text)));"],
      [38,"        }"],
      [39,"        if length == 0 {"],
      [40,"            return Ok(());"],
      [41,"        }"],
      [42,"    }"],
      [43,"}"]
    ]}
  ]
}
