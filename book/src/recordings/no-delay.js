(window.recordings ??= {})["no-delay"] = {
  "made_by": "cargo run -p recorder -- no-delay",
  "terminals": [
    {"title":"cargo run -p measure --example no_delay","port":50002},
    {"title":"the hearer's end, in the same program","port":50001}
  ],
  "steps": [
    {
      "caption": "In terminal 1: `cargo run -p measure --example no_delay`.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"$ cargo run -p measure --example no_delay\n","typed":true}
      ]
    },
    {
      "caption": "Two small writes and an answer, *without* `TCP_NODELAY`.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":61,"call":"write","waits":true}
      ]
    },
    {
      "caption": "In thread `main`, `write` in `write_all` returned 6: the kernel has taken the bytes for 50001.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":61,"name":"write","within":"write_all","value":"6"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50002,"flags":"P.","bytes":6,"data":"hello\n"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":61,"call":"write → 6"}
      ]
    },
    {
      "caption": "In thread `main`, `write` in `write_all` returned 6: the kernel has taken the bytes for 50001.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":61,"name":"write","within":"write_all","value":"6"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `read_exact` returned 6: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":63,"name":"read","within":"read_exact","value":"6"}
      ],
      "because": 1,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":63,"call":"read → 6"}
      ]
    },
    {
      "caption": "For 42 ms nothing happens. Then the kernel sends what it has held back.",
      "wire": [
        {"from":2,"to":1,"connection":50002,"flags":".","after_ms":41.5},
        {"from":1,"to":2,"connection":50002,"flags":"P.","bytes":6,"data":"hello\n","after_ms":0.0},
        {"from":2,"to":1,"connection":50002,"flags":".","after_ms":0.2}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":63,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `read_exact` returned 6: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":63,"name":"read","within":"read_exact","value":"6"}
      ],
      "because": 3,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":63,"call":"read → 6"}
      ]
    },
    {
      "caption": "In thread `main`, `write` in `write_all` returned 3: the kernel has taken the bytes for 50002.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":65,"name":"write","within":"write_all","value":"3"}
      ],
      "wire": [
        {"from":2,"to":1,"connection":50002,"flags":"P.","bytes":3,"data":"hi\n","after_ms":1.5}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":65,"call":"write → 3"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `read_exact` returned 3: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":66,"name":"read","within":"read_exact","value":"3"}
      ],
      "because": 5,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":66,"call":"read → 3"}
      ]
    },
    {
      "caption": "Two small writes and an answer once more, *with* `TCP_NODELAY`.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":61,"call":"write","waits":true}
      ]
    },
    {
      "caption": "In thread `main`, `write` in `write_all` returned 6: the kernel has taken the bytes for 50003.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":61,"name":"write","within":"write_all","value":"6"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50004,"flags":"P.","bytes":6,"data":"hello\n"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":61,"call":"write → 6"}
      ]
    },
    {
      "caption": "In thread `main`, `write` in `write_all` returned 6: the kernel has taken the bytes for 50003.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":61,"name":"write","within":"write_all","value":"6"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50004,"flags":"P.","bytes":6,"data":"hello\n","after_ms":1.1},
        {"from":2,"to":1,"connection":50004,"flags":".","after_ms":1.1}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `read_exact` returned 12: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":63,"name":"read","within":"read_exact","value":"12"}
      ],
      "because": 7,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":63,"call":"read → 12"}
      ]
    },
    {
      "caption": "In thread `main`, `write` in `write_all` returned 3: the kernel has taken the bytes for 50004.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":65,"name":"write","within":"write_all","value":"3"}
      ],
      "wire": [
        {"from":2,"to":1,"connection":50004,"flags":"P.","bytes":3,"data":"hi\n","after_ms":1.3}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":65,"call":"write → 3"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `read_exact` returned 3: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":66,"name":"read","within":"read_exact","value":"3"}
      ],
      "because": 9,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":66,"call":"read → 3"}
      ]
    }
  ],
  "sources": [
    {"file": "tests/measure/examples/no_delay.rs", "lines": [
      [53,"/// Makes one exchange. One thread plays both ends, because each step waits for the one before."],
      [54,"fn exchange("],
      [55,"    speaker: &mut TcpStream,"],
      [56,"    hearer: &mut TcpStream,"],
      [57,"    writes: usize,"],
      [58,"    answered: bool,"],
      [59,") -> io::Result<()> {"],
      [60,"    for _ in 0..writes {"],
      [61,"        speaker.write_all(b\"hello\\n\")?;"],
      [62,"    }"],
      [63,"    hearer.read_exact(&mut vec![0; writes * b\"hello\\n\".len()])?;"],
      [64,"    if answered {"],
      [65,"        hearer.write_all(b\"hi\\n\")?;"],
      [66,"        speaker.read_exact(&mut [0; b\"hi\\n\".len()])?;"],
      [67,"    }"],
      [68,"    Ok(())"],
      [69,"}"]
    ]}
  ]
}
