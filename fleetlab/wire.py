"""A slow piece of cable: what comes in at one device goes out at the other, the one way late.

Run as `python wire.py <near> <far> <delay in ms>` in the namespace that holds both devices. Written for
kernels without netem. It says `ready` when it carries.
"""

import select
import socket
import sys
import time
from collections import deque

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
LARGEST = 1 << 17
BUFFER = 1 << 23


def tap(device: str) -> socket.socket:
    """All that arrives at a device; what is sent to it leaves there.

    Each frame is headed by what the sender's kernel left for hardware to do (checksums, segments), so
    that it can be left for the receiver's kernel in turn.
    """
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    made.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    made.bind((device, ETH_P_ALL))
    return made


def carry(near: socket.socket, far: socket.socket, delay: float) -> None:
    """Carry for ever: from far to near at once, from near to far `delay` seconds late."""
    under_way: deque[tuple[float, bytes]] = deque()
    while True:
        patience = max(under_way[0][0] - time.monotonic(), 0) if under_way else None
        arrived, _, _ = select.select([near, far], [], [], patience)
        if near in arrived:
            under_way.append((time.monotonic() + delay, near.recv(LARGEST)))
        if far in arrived:
            send(near, far.recv(LARGEST))
        while under_way and under_way[0][0] <= time.monotonic():
            send(far, under_way.popleft()[1])


def send(device: socket.socket, frame: bytes) -> None:
    """Send a frame; like a cable, lose what cannot be sent."""
    try:
        device.send(frame)
    except OSError:
        return


def main(near: str, far: str, delay_ms: str) -> None:
    """Carry between two devices."""
    ends = tap(near), tap(far)
    print("ready", flush=True)
    carry(*ends, float(delay_ms) / 1000)


if __name__ == "__main__":
    main(*sys.argv[1:])
