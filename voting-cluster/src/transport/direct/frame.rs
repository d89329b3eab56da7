//! Frames on a link.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the rest, big-endian, at most [`MAX_FRAME_BYTES`] |
//! | 1 | 1 message, 2 acknowledgement, 3 ping, 4 pong |
//! | 1 | message only: its kind |
//! | 8 | number: of the acknowledgement asked for (0 for none), of the one given, of the ping |
//! | … | message only: its bytes |

use std::io;

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use voting_core::seams::MessageKind;
use voting_core::seams::transport::MAX_MESSAGE_BYTES;

/// The largest frame: a message of the largest size.
pub(super) const MAX_FRAME_BYTES: usize = MAX_MESSAGE_BYTES + 10;

/// What travels over a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A message; `asks` is the number of the acknowledgement that it asks for, or 0.
    Message { kind: MessageKind, asks: u64, bytes: Bytes },
    /// The message that asked for this number was taken.
    Taken(u64),
    /// Answered with a pong of the same number.
    Ping(u64),
    /// The answer.
    Pong(u64),
}

impl Frame {
    /// Bytes of content, for the bounds of queues.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Message { bytes, .. } => bytes.len(),
            Self::Taken(_) | Self::Ping(_) | Self::Pong(_) => 0,
        }
    }

    /// Appends the frame to a buffer.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        let (tag, number) = match self {
            Self::Message { kind, asks, bytes } => {
                out.put_u32(bytes.len() as u32 + 10); // messages are checked before they come here
                out.put_u8(1);
                out.put_u8(*kind as u8);
                out.put_u64(*asks);
                return out.put_slice(bytes);
            }
            Self::Taken(number) => (2, number),
            Self::Ping(number) => (3, number),
            Self::Pong(number) => (4, number),
        };
        out.put_u32(9);
        out.put_u8(tag);
        out.put_u64(*number);
    }

    /// Reads one frame; nothing is allocated before its length is known to be allowed.
    ///
    /// # Errors
    /// `InvalidData` if it is no frame; the connection is of no use then.
    pub(crate) async fn read<R: AsyncRead + Unpin>(from: &mut R) -> io::Result<Self> {
        let length = from.read_u32().await? as usize;
        let tag = if length == 0 { 0 } else { from.read_u8().await? };
        match (tag, length) {
            (1, 10..=MAX_FRAME_BYTES) => {
                let kind = from.read_u8().await?;
                let kind = MessageKind::from_number(kind).ok_or_else(|| invalid(format!("a message of unknown kind {kind}")))?;
                let asks = from.read_u64().await?;
                let mut bytes = vec![0; length - 10];
                from.read_exact(&mut bytes).await?;
                Ok(Self::Message { kind, asks, bytes: bytes.into() })
            }
            (2, 9) => Ok(Self::Taken(from.read_u64().await?)),
            (3, 9) => Ok(Self::Ping(from.read_u64().await?)),
            (4, 9) => Ok(Self::Pong(from.read_u64().await?)),
            _ => Err(invalid(format!("a frame of type {tag} and {length} bytes"))),
        }
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames() -> impl Strategy<Value = Frame> {
        let message = (1u8..=6, any::<u64>(), proptest::collection::vec(any::<u8>(), 0..300)).prop_map(|(kind, asks, bytes)| {
            Frame::Message { kind: MessageKind::from_number(kind).unwrap(), asks, bytes: bytes.into() }
        });
        prop_oneof![
            message,
            any::<u64>().prop_map(Frame::Taken),
            any::<u64>().prop_map(Frame::Ping),
            any::<u64>().prop_map(Frame::Pong)
        ]
    }

    fn read_all(bytes: &[u8]) -> (Vec<Frame>, io::Error) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut rest, mut found) = (bytes, Vec::new());
            loop {
                match Frame::read(&mut rest).await {
                    Ok(frame) => found.push(frame),
                    Err(error) => return (found, error),
                }
            }
        })
    }

    proptest! {
        #[test]
        fn frames_are_read_as_they_were_written(frames in proptest::collection::vec(frames(), 0..20)) {
            let mut out = BytesMut::new();
            for frame in &frames {
                frame.write(&mut out);
            }
            let (found, end) = read_all(&out);
            prop_assert_eq!(found, frames);
            prop_assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
        }

        #[test]
        fn any_bytes_are_frames_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let (_, error) = read_all(&bytes);
            prop_assert!(matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData));
        }
    }

    #[test]
    fn too_long_a_frame_is_refused_before_it_is_read() {
        let mut bytes = ((MAX_FRAME_BYTES + 1) as u32).to_be_bytes().to_vec();
        bytes.push(1);
        assert_eq!(read_all(&bytes).1.kind(), io::ErrorKind::InvalidData);
        assert_eq!(read_all(&u32::MAX.to_be_bytes()).1.kind(), io::ErrorKind::UnexpectedEof, "its type decides");
        assert_eq!(read_all(&0u32.to_be_bytes()).1.kind(), io::ErrorKind::InvalidData);
    }
}
