(window.recordings ??= {})["two-way-talk"] = {
  "made_by": "cargo run -p recorder -- two-way-talk",
  "terminals": [
    {"title":"cargo run -p lesson-bidirectional-server","port":3000},
    {"title":"cargo run -p lesson-bidirectional-client","port":50001},
    {"title":"nc 127.0.0.1 3000","port":50002}
  ],
  "steps": [
    {
      "caption": "In terminal 1: `cargo run -p lesson-bidirectional-server`.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"$ cargo run -p lesson-bidirectional-server\n","typed":true}
      ]
    },
    {
      "caption": "In terminal 1, thread `main`, `listen` returned: from now on clients can connect (*listening*). The thread prints 2 lines.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":19,"name":"listen","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"listening on 127.0.0.1:3000: connect with telnet 127.0.0.1 3000 (or nc 127.0.0.1 3000), stop with Ctrl-C\n","by":["main",0,19]},
        {"terminal":1,"text":"server listening at port 3000\n","by":["main",0,20]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":19,"call":"listen → ok"}
      ]
    },
    {
      "caption": "All is quiet: terminal 1, thread `main` waits in `accept` until a client connects.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":23,"call":"accept","waits":true}
      ]
    },
    {
      "caption": "In terminal 2: `cargo run -p lesson-bidirectional-client`.",
      "is_action": true,
      "screen": [
        {"terminal":2,"text":"$ cargo run -p lesson-bidirectional-client\n","typed":true}
      ]
    },
    {
      "caption": "In terminal 2, thread `main`, `connect` returned: the connection is made (*connect*). The thread prints 2 lines.",
      "calls": [
        {"terminal":2,"thread":"main","source":1,"line":21,"name":"connect","value":"ok"}
      ],
      "because": 2,
      "screen": [
        {"terminal":2,"text":"connected to 127.0.0.1:3000\n","by":["main",1,23]},
        {"terminal":2,"text":"客户端与服务器连接成功了\n","by":["main",1,51]}
      ],
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"S"},
        {"from":1,"to":2,"connection":50001,"flags":"S."},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":2,"thread":"main","source":1,"line":21,"call":"connect → ok"}
      ]
    },
    {
      "caption": "In terminal 1, thread `main`, `accept` returned a new socket: the connection with port 50001 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":23,"name":"accept","value":"50001"}
      ],
      "because": 3,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":23,"call":"accept → 50001"},
        {"terminal":2,"thread":"main","source":1,"line":21,"call":"connect"}
      ]
    },
    {
      "caption": "In terminal 2, thread `main`, `write` in `write_all` returned 12: the kernel has taken the bytes.",
      "calls": [
        {"terminal":2,"thread":"main","source":1,"line":27,"name":"write","within":"write_all","value":"12"}
      ],
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"P.","bytes":12,"data":"你吃了吗"},
        {"from":1,"to":2,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":23,"call":"accept","waits":true},
        {"terminal":1,"thread":"50001","source":0,"line":41,"call":"read","waits":true},
        {"terminal":2,"thread":"main","source":1,"line":27,"call":"write → 12"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50001`, `read` returned 12: that many bytes have arrived (*data*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":41,"name":"read","value":"12"}
      ],
      "because": 4,
      "screen": [
        {"terminal":1,"text":"你吃了吗\n","by":["50001",0,59]}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":41,"call":"read → 12"},
        {"terminal":2,"thread":"main","source":1,"line":27,"call":"write"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50001`, `write` in `write_all` returned 18: the kernel has taken the bytes for 50001.",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":44,"name":"write","within":"write_all","value":"18"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"P.","bytes":18,"data":"我吃的小豆包"},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":44,"call":"write → 18"},
        {"terminal":2,"thread":"main","source":1,"line":32,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 2, thread `main`, `read` returned 18: that many bytes have arrived (*data*). The thread prints a line.",
      "calls": [
        {"terminal":2,"thread":"main","source":1,"line":32,"name":"read","value":"18"}
      ],
      "because": 6,
      "screen": [
        {"terminal":2,"text":"我吃的小豆包\n","by":["main",1,51]}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":44,"call":"write"},
        {"terminal":2,"thread":"main","source":1,"line":32,"call":"read → 18"}
      ]
    },
    {
      "caption": "All is quiet: terminal 1, thread `main` waits in `accept` until a client connects; terminal 1, thread `50001` waits in `read` until something arrives; terminal 2, thread `main` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":41,"call":"read","waits":true},
        {"terminal":2,"thread":"main","source":1,"line":32,"call":"read","waits":true}
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
      "caption": "In terminal 1, thread `main`, `accept` returned a new socket: the connection with port 50002 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":23,"name":"accept","value":"50002"}
      ],
      "because": 10,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":23,"call":"accept → 50002"}
      ]
    },
    {
      "caption": "All is quiet. 4 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":23,"call":"accept","waits":true},
        {"terminal":1,"thread":"50002","source":0,"line":41,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 3 somebody types `have you eaten?` and Enter. The bytes are on their way.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"have you eaten?\n","typed":true}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"P.","bytes":16,"data":"have you eaten?\n"},
        {"from":1,"to":3,"connection":50002,"flags":"."}
      ]
    },
    {
      "caption": "In terminal 1, thread `50002`, `read` returned 16: that many bytes have arrived (*data*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"50002","source":0,"line":41,"name":"read","value":"16"}
      ],
      "because": 11,
      "screen": [
        {"terminal":1,"text":"have you eaten?\n","by":["50002",0,59]}
      ],
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":41,"call":"read → 16"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50002`, `write` in `write_all` returned 18: the kernel has taken the bytes for 50002.",
      "calls": [
        {"terminal":1,"thread":"50002","source":0,"line":44,"name":"write","within":"write_all","value":"18"}
      ],
      "screen": [
        {"terminal":3,"text":"我吃的小豆包"}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"P.","bytes":18,"data":"我吃的小豆包"},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":44,"call":"write → 18"}
      ]
    },
    {
      "caption": "All is quiet. 4 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":41,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 1 somebody presses Ctrl-C, and the program ends. The kernel says goodbye with a FIN.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"^C\n","typed":true}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"F."},
        {"from":1,"to":2,"connection":50001,"flags":"F."}
      ],
      "ended": [[1,"main"],[1,"50001"],[1,"50002"]]
    },
    {
      "caption": "In terminal 2, thread `main`, `read` returned 0: the other side has sent everything that it wanted to (*end*).",
      "calls": [
        {"terminal":2,"thread":"main","source":1,"line":32,"name":"read","value":"0"}
      ],
      "because": 16,
      "threads": [
        {"terminal":2,"thread":"main","source":1,"line":32,"call":"read → 0"}
      ]
    },
    {
      "caption": "In terminal 2, thread `main`, the socket is dropped, which closes it (*close*).",
      "calls": [
        {"terminal":2,"thread":"main","source":1,"line":41,"name":"close","within":"drop","value":"ok"}
      ],
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"F."},
        {"from":1,"to":2,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":2,"thread":"main","source":1,"line":41,"call":"close → ok"}
      ]
    },
    {
      "caption": "The program in terminal 2 has ended, with exit status 0.",
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "ended": [[2,"main"]]
    }
  ],
  "sources": [
    {"file": "lessons/6.2.2.3-bidirectional-server/src/main.rs", "lines": [
      [17,"fn main() -> Result<(), Failure> {"],
      [18,"    let address = lesson!().address(\"127.0.0.1:3000\");"],
      [19,"    let (listener, bound) = listen(&address)?;"],
      [20,"    print_line!(\"server listening at port {}\", bound.port());"],
      [21,""],
      [22,"    loop {"],
      [23,"        let accepted = listener.accept();"],
      [24,"        if let Err(error) = accepted.and_then(|(client, _)| connection(client)) {"],
      [25,"            pause_after(&error);"],
      [26,"        }"],
      [27,"    }"],
      [28,"}"],
      [29,""],
      [37,"fn converse(mut client: TcpStream) {"],
      [38,"    let mut decoder = Utf8Decoder::default();"],
      [39,"    let mut buffer = [0; 4096];"],
      [40,"    // `data`: read returned more than 0 bytes. 0 is `end`, and an error ends the loop too."],
      [41,"    while let Ok(received @ 1..) = uninterrupted(|| client.read(&mut buffer)) {"],
      [42,"        print_text(&decoder.decode(&buffer[..received]));"],
      [43,"        let answer = \"我吃的小豆包\"; // I had bean-paste buns"],
      [44,"        if client.write_all(answer.as_bytes()).is_err() {"],
      [45,"            break; // the client has left"],
      [46,"        }"],
      [47,"    }"],
      [48,"    print_text(&decoder.finish());"],
      [49,"}"],
      [51,""],
      [53,"/// Prints a piece of data as a line, if there is anything to show: the first byte of a character is"],
      [54,"/// not a character yet, and a line end may arrive in two pieces."],
      [55,"fn print_text(text: &str) {"],
      [56,"    let text = printable(text);"],
      [57,"    let line = text.trim_matches('\\n');"],
      [58,"    if !line.is_empty() {"],
      [59,"        print_line!(\"{line}\");"],
      [60,"    }"],
      [61,"}"]
    ]},
    {"file": "lessons/6.2.2.3-bidirectional-client/src/main.rs", "lines": [
      [17,"fn main() -> Result<(), Failure> {"],
      [18,"    let address = lesson!().address(\"localhost:3000\");"],
      [19,""],
      [20,"    // `lookup` and `connect`: one call looks up the name's addresses and tries each."],
      [21,"    let mut server = TcpStream::connect(&address)"],
      [22,"        .map_err(|error| cannot_connect(&address, error, \"lesson-bidirectional-server\"))?;"],
      [23,"    check_connected(&server, &address, \"lesson-bidirectional-server\")?;"],
      [24,"    print_text(\"客户端与服务器连接成功了\"); // the client is connected to the server"],
      [25,""],
      [26,"    let question = \"你吃了吗\"; // have you eaten?"],
      [27,"    server.write_all(question.as_bytes()).map_err(|error| lost_connection(&address, error))?;"],
      [28,""],
      [29,"    let mut decoder = Utf8Decoder::default();"],
      [30,"    let mut buffer = [0; 4096];"],
      [31,"    loop {"],
      [32,"        let received = uninterrupted(|| server.read(&mut buffer))"],
      [33,"            .map_err(|error| lost_connection(&address, error))?;"],
      [34,"        if received == 0 {"],
      [35,"            break; // `end`"],
      [36,"        }"],
      [37,"        print_text(&decoder.decode(&buffer[..received])); // `data`"],
      [38,"    }"],
      [39,"    print_text(&decoder.finish());"],
      [40,"    Ok(())"],
      [41,"}"],
      [43,""],
      [45,"/// Prints a piece of data as a line, if there is anything to show: the first byte of a character is"],
      [46,"/// not a character yet, and a line end may arrive in two pieces."],
      [47,"fn print_text(text: &str) {"],
      [48,"    let text = printable(text);"],
      [49,"    let line = text.trim_matches('\\n');"],
      [50,"    if !line.is_empty() {"],
      [51,"        print_or_exit(&format!(\"{line}\\n\"));"],
      [52,"    }"],
      [53,"}"]
    ]}
  ]
}
