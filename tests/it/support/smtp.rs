//! A mail server that does what the test tells it.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What the server does with one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Takes the mail.
    Takes,
    /// Asks to come back later.
    Later,
    /// Refuses the recipient for good.
    Never,
    /// Accepts the connection and says nothing.
    Silent,
}

pub struct Sink {
    address: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    taken: Arc<Mutex<Vec<String>>>,
    asked: Arc<Mutex<usize>>,
}

impl Sink {
    pub fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let sink = Self { address, mood: Arc::new(Mutex::new(mood)), taken: Arc::default(), asked: Arc::default() };
        let (mood, taken, asked) = (Arc::clone(&sink.mood), Arc::clone(&sink.taken), Arc::clone(&sink.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                *asked.lock().unwrap() += 1;
                let mood = *mood.lock().unwrap();
                let taken = Arc::clone(&taken);
                std::thread::spawn(move || drop(talk(stream, mood, &taken)));
            }
        });
        sink
    }

    /// The setting `mail.smtp_url`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The mails that it took, as they came.
    pub fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }

    /// How often somebody connected.
    pub fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

fn talk(mut stream: TcpStream, mood: Mood, taken: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    if mood == Mood::Silent {
        // Until the other side has had enough.
        return lines.next().transpose().map(drop);
    }
    stream.write_all(b"220 sink.test\r\n")?;
    while let Some(line) = lines.next() {
        let command = line?.to_ascii_uppercase();
        let answer: &[u8] = match command.split(' ').next().unwrap_or_default() {
            "RCPT" if mood == Mood::Later => b"450 4.2.1 come back later\r\n",
            "RCPT" if mood == Mood::Never => b"550 5.1.1 nobody here\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let mut mail = String::new();
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    mail.push_str(&line);
                    mail.push('\n');
                }
                taken.lock().unwrap().push(mail);
                b"250 taken\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => b"250 fine\r\n",
        };
        stream.write_all(answer)?;
    }
    Ok(())
}
