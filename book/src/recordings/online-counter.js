(window.recordings ??= {})["online-counter"] = {
  "made_by": "cargo run -p recorder -- online-counter",
  "terminals": [
    {"title":"cargo run -p lesson-online-counter","port":3000},
    {"title":"nc 127.0.0.1 3000","port":50001},
    {"title":"nc 127.0.0.1 3000","port":50002}
  ],
  "steps": [
    {
      "caption": "In terminal 1: `cargo run -p lesson-online-counter`.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"$ cargo run -p lesson-online-counter\n","typed":true}
      ]
    },
    {
      "caption": "In thread `main`, `listen` returned: from now on clients can connect (*listening*). The thread prints 2 lines.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":23,"name":"listen","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"listening on 127.0.0.1:3000: connect with telnet 127.0.0.1 3000 (or nc 127.0.0.1 3000), stop with Ctrl-C\n","by":["main",0,23]},
        {"terminal":1,"text":"server listening at port 3000\n","by":["main",0,24]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":23,"call":"listen → ok"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":27,"call":"accept","waits":true}
      ]
    },
    {
      "caption": "In terminal 2: `nc 127.0.0.1 3000`. The kernels agree on a connection; no call of the server has returned yet.",
      "is_action": true,
      "screen": [
        {"terminal":2,"text":"$ nc 127.0.0.1 3000\n","typed":true}
      ],
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"S"},
        {"from":1,"to":2,"connection":50001,"flags":"S."},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ]
    },
    {
      "caption": "In thread `main`, `accept` returned a new socket: the connection with port 50001 (*connection*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":27,"name":"accept","value":"50001"}
      ],
      "because": 3,
      "screen": [
        {"terminal":1,"text":"welcome,当前在线人数：1\n","by":["main",0,64]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":27,"call":"accept → 50001"}
      ]
    },
    {
      "caption": "In thread `50001`, `write` in `write_all` returned 38: the kernel has taken the bytes for 50001.",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":50,"name":"write","within":"write_all","value":"38"}
      ],
      "screen": [
        {"terminal":2,"text":"remoteAddress127.0.0.1\nremotePort50001"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"P.","bytes":38,"data":"remoteAddress127.0.0.1\nremotePort50001"},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":27,"call":"accept","waits":true},
        {"terminal":1,"thread":"50001","source":0,"line":50,"call":"write → 38"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects; thread `50001` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":51,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 3: `nc 127.0.0.1 3000`. The kernels agree on a connection; no call of the server has returned yet.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"$ nc 127.0.0.1 3000\n","typed":true}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"S"},
        {"from":1,"to":3,"connection":50002,"flags":"S."},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ]
    },
    {
      "caption": "In thread `main`, `accept` returned a new socket: the connection with port 50002 (*connection*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":27,"name":"accept","value":"50002"}
      ],
      "because": 8,
      "screen": [
        {"terminal":1,"text":"welcome,当前在线人数：2\n","by":["main",0,64]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":27,"call":"accept → 50002"}
      ]
    },
    {
      "caption": "In thread `50002`, `write` in `write_all` returned 38: the kernel has taken the bytes for 50002.",
      "calls": [
        {"terminal":1,"thread":"50002","source":0,"line":50,"name":"write","within":"write_all","value":"38"}
      ],
      "screen": [
        {"terminal":3,"text":"remoteAddress127.0.0.1\nremotePort50002"}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"P.","bytes":38,"data":"remoteAddress127.0.0.1\nremotePort50002"},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":27,"call":"accept","waits":true},
        {"terminal":1,"thread":"50002","source":0,"line":50,"call":"write → 38"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects; thread `50001` waits in `read` until something arrives; thread `50002` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":51,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 2 somebody presses Ctrl-C, and the program ends. The kernel says goodbye with a FIN.",
      "is_action": true,
      "screen": [
        {"terminal":2,"text":"^C\n","typed":true}
      ],
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"F."}
      ]
    },
    {
      "caption": "In thread `50001`, `read` in `copy` returned 0: the other side has sent everything that it wanted to (*end*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":51,"name":"read","within":"copy","value":"0"}
      ],
      "because": 11,
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":51,"call":"read → 0"}
      ]
    },
    {
      "caption": "In thread `50001`, the socket is dropped, which closes it (*close*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":53,"name":"close","within":"drop","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"有客户端退出了,当前在线人数：1\n","by":["50001",0,73]}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"F."},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":53,"call":"close → ok"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects; thread `50002` waits in `read` until something arrives.",
      "ended": [[1,"50001"]]
    },
    {
      "caption": "In terminal 3 somebody presses Ctrl-C, and the program ends. The kernel says goodbye with a FIN.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"^C\n","typed":true}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"F."},
        {"from":1,"to":3,"connection":50002,"flags":"."}
      ]
    },
    {
      "caption": "In thread `50002`, `read` in `copy` returned 0: the other side has sent everything that it wanted to (*end*).",
      "calls": [
        {"terminal":1,"thread":"50002","source":0,"line":51,"name":"read","within":"copy","value":"0"}
      ],
      "because": 14,
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":51,"call":"read → 0"}
      ]
    },
    {
      "caption": "In thread `50002`, the socket is dropped, which closes it (*close*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"50002","source":0,"line":53,"name":"close","within":"drop","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"有客户端退出了,当前在线人数：0\n","by":["50002",0,73]}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"F."},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":53,"call":"close → ok"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects.",
      "ended": [[1,"50002"]]
    }
  ],
  "sources": [
    {"file": "lessons/6.2.2.2-online-counter/src/main.rs", "lines": [
      [21,"fn main() -> Result<(), Failure> {"],
      [22,"    let address = lesson!().address(\"127.0.0.1:3000\");"],
      [23,"    let (listener, bound) = listen(&address)?;"],
      [24,"    print_line!(\"server listening at port {}\", bound.port());"],
      [25,""],
      [26,"    loop {"],
      [27,"        let accepted = listener.accept(); // waits for a client"],
      [28,"        if let Err(error) = accepted.and_then(|(client, peer)| welcome(client, peer)) {"],
      [29,"            pause_after(&error);"],
      [30,"        }"],
      [31,"    }"],
      [32,"}"],
      [34,""],
      [48,"fn tell_address(mut client: TcpStream, peer: SocketAddr) -> io::Result<()> {"],
      [49,"    let (ip, port) = (peer.ip().to_canonical(), peer.port());"],
      [50,"    client.write_all(format!(\"remoteAddress{ip}\\nremotePort{port}\").as_bytes())?;"],
      [51,"    io::copy(&mut client, &mut io::sink())?; // returns when the client leaves"],
      [52,"    Ok(())"],
      [53,"}"],
      [55,""],
      [60,"impl Visit {"],
      [61,"    fn begin() -> Visit {"],
      [62,"        let mut online = online();"],
      [63,"        *online += 1;"],
      [64,"        print_line!(\"welcome,当前在线人数：{online}\"); // now online: n"],
      [65,"        Visit"],
      [66,"    }"],
      [67,"}"],
      [68,""],
      [69,"impl Drop for Visit {"],
      [70,"    fn drop(&mut self) {"],
      [71,"        let mut online = online();"],
      [72,"        *online -= 1;"],
      [73,"        print_line!(\"有客户端退出了,当前在线人数：{online}\"); // a client has left, now online: n"],
      [74,"    }"],
      [75,"}"]
    ]}
  ]
}
