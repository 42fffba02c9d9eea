(window.recordings ??= {})["listening-events"] = {
  "made_by": "cargo run -p recorder -- listening-events",
  "terminals": [
    {"title":"cargo run -p lesson-listening-events","port":3000},
    {"title":"cargo run -p lesson-listening-events"},
    {"title":"nc 127.0.0.1 3000","port":50001}
  ],
  "steps": [
    {
      "caption": "In terminal 1: `cargo run -p lesson-listening-events`.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"$ cargo run -p lesson-listening-events\n","typed":true}
      ]
    },
    {
      "caption": "In terminal 1, thread `main`, `listen` in `bind` returned: from now on clients can connect (*listening*). The thread prints 2 lines.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":19,"name":"listen","within":"bind","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"服务器监听成功了，正在等待客户端连接\n","by":["main",0,23]},
        {"terminal":1,"text":"listening on 127.0.0.1:3000: connect with telnet 127.0.0.1 3000 (or nc 127.0.0.1 3000), stop with Ctrl-C\n","by":["main",0,24]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":19,"call":"listen → ok"}
      ]
    },
    {
      "caption": "All is quiet: terminal 1, thread `main` waits in `accept` until a client connects.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":27,"call":"accept","waits":true}
      ]
    },
    {
      "caption": "In terminal 2: `cargo run -p lesson-listening-events`.",
      "is_action": true,
      "screen": [
        {"terminal":2,"text":"$ cargo run -p lesson-listening-events\n","typed":true}
      ]
    },
    {
      "caption": "In terminal 2, thread `main`, `bind` returned the error `AddrInUse` (*error*). The thread prints 2 lines.",
      "calls": [
        {"terminal":2,"thread":"main","source":0,"line":19,"name":"bind","value":"AddrInUse"}
      ],
      "screen": [
        {"terminal":2,"text":"Error: "},
        {"terminal":2,"text":"cannot listen on 127.0.0.1:3000: Address already in use (os error 98)\nAnother lesson may still be running: stop it with Ctrl-C in its terminal, or pass another port, such as 3001."},
        {"terminal":2,"text":"\n"}
      ],
      "threads": [
        {"terminal":2,"thread":"main","source":0,"line":19,"call":"bind → AddrInUse"}
      ]
    },
    {
      "caption": "The program in terminal 2 has ended, with exit status 1.",
      "ended": [[2,"main"]]
    },
    {
      "caption": "In terminal 3: `nc 127.0.0.1 3000`. The kernels agree on a connection; no call of the server has returned yet.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"$ nc 127.0.0.1 3000\n","typed":true}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50001,"flags":"S"},
        {"from":1,"to":3,"connection":50001,"flags":"S."},
        {"from":3,"to":1,"connection":50001,"flags":"."}
      ]
    },
    {
      "caption": "In terminal 1, thread `main`, `accept` returned a new socket: the connection with port 50001 (*connection*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":27,"name":"accept","value":"50001"}
      ],
      "because": 3,
      "screen": [
        {"terminal":1,"text":"有客户端连接上来了\n","by":["main",0,46]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":27,"call":"accept → 50001"}
      ]
    },
    {
      "caption": "All is quiet: terminal 1, thread `main` waits in `accept` until a client connects; terminal 1, thread `50001` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":27,"call":"accept","waits":true},
        {"terminal":1,"thread":"50001","source":0,"line":56,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 3 somebody presses Ctrl-C, and the program ends. The kernel says goodbye with a FIN.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"^C\n","typed":true}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50001,"flags":"F."},
        {"from":1,"to":3,"connection":50001,"flags":"."}
      ]
    },
    {
      "caption": "In terminal 1, thread `50001`, `read` in `copy` returned 0: the other side has sent everything that it wanted to (*end*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":56,"name":"read","within":"copy","value":"0"}
      ],
      "because": 4,
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":56,"call":"read → 0"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50001`, the socket is dropped, which closes it (*close*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":57,"name":"close","within":"drop","value":"ok"}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50001,"flags":"F."},
        {"from":3,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":57,"call":"close → ok"}
      ]
    },
    {
      "caption": "All is quiet: terminal 1, thread `main` waits in `accept` until a client connects.",
      "ended": [[1,"50001"]]
    },
    {
      "caption": "In terminal 1 somebody presses Ctrl-C. To wake `accept` up, the program connects to itself.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"^C\n","typed":true}
      ],
      "wire": [
        {"from":1,"to":1,"connection":50002,"flags":"S"},
        {"from":1,"to":1,"connection":50002,"flags":"S."},
        {"from":1,"to":1,"connection":50002,"flags":"."}
      ]
    },
    {
      "caption": "In terminal 1, thread `main`, `accept` returned the program's own connection, which has woken it up.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":27,"name":"accept","value":"50002"}
      ],
      "because": 10,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":27,"call":"accept → 50002"}
      ]
    },
    {
      "caption": "In terminal 1, thread `main`, the socket is dropped, which closes it (*close*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":34,"name":"close","within":"drop","value":"ok"}
      ],
      "wire": [
        {"from":1,"to":1,"connection":50002,"flags":"F."},
        {"from":1,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":34,"call":"close → ok"}
      ]
    },
    {
      "caption": "In terminal 1, thread `main`, the listener is dropped, so nobody can connect any more (*close*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":37,"name":"close","within":"drop","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"服务器关闭了\n","by":["main",0,38]}
      ],
      "wire": [
        {"from":1,"to":1,"connection":50002,"flags":"F."},
        {"from":1,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":37,"call":"close → ok"}
      ]
    },
    {
      "caption": "The program in terminal 1 has ended, with exit status 0.",
      "ended": [[1,"main"]]
    }
  ],
  "sources": [
    {"file": "lessons/6.2.1-listening-events/src/main.rs", "lines": [
      [15,"fn main() -> Result<(), Failure> {"],
      [16,"    let address = lesson!().address(\"127.0.0.1:3000\");"],
      [17,""],
      [18,"    // `error`: bind returned Err. Start this program twice to see it."],
      [19,"    let listener = TcpListener::bind(&address).map_err(|error| cannot_listen(&address, error))?;"],
      [20,"    let ctrl_c = CtrlC::wakes(&listener)?;"],
      [21,""],
      [22,"    // `listening`: bind returned Ok."],
      [23,"    print_line!(\"服务器监听成功了，正在等待客户端连接\"); // listening, and waiting for clients"],
      [24,"    announce(&listener)?;"],
      [25,""],
      [26,"    loop {"],
      [27,"        let accepted = listener.accept(); // waits for a client, or for Ctrl-C"],
      [28,"        if ctrl_c.pressed() {"],
      [29,"            break;"],
      [30,"        }"],
      [31,"        if let Err(error) = accepted.and_then(|(client, _)| connection(client)) {"],
      [32,"            pause_after(&error);"],
      [33,"        }"],
      [34,"    }"],
      [35,""],
      [36,"    // `close`: the listener is dropped."],
      [37,"    drop(listener);"],
      [38,"    print_line!(\"服务器关闭了\"); // the server has closed"],
      [39,"    Ok(())"],
      [40,"}"],
      [42,""],
      [44,"/// `connection`: accept returned Ok. Starts a thread, which waits until the client leaves."],
      [45,"fn connection(client: TcpStream) -> io::Result<()> {"],
      [46,"    print_line!(\"有客户端连接上来了\"); // a client has connected"],
      [47,"    thread::Builder::new().spawn(|| stay_until_it_leaves(client))?;"],
      [48,"    Ok(())"],
      [49,"}"],
      [51,""],
      [53,"/// Reads and discards, because only a read tells us when the client leaves. Then `client` goes"],
      [54,"/// out of scope: dropping is closing."],
      [55,"fn stay_until_it_leaves(mut client: TcpStream) {"],
      [56,"    let _ = io::copy(&mut client, &mut io::sink());"],
      [57,"}"]
    ]}
  ]
}
