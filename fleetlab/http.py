"""The least of an HTTP client: one GET over a connection that is already there."""

import asyncio


async def get(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, timeout: float
) -> tuple[int, str]:
    """The status and the body of a GET; closes the connection. `timeout` in seconds."""
    try:
        async with asyncio.timeout(timeout):
            writer.write(f"GET {path} HTTP/1.0\r\nHost: lab\r\n\r\n".encode())
            answer = (await reader.read()).decode(errors="replace")
    finally:
        writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    status = head.split(maxsplit=2)[1:2]
    if not status or not status[0].isdigit():
        raise ConnectionError(f"no HTTP answer to GET {path}: {answer[:100]!r}")
    return int(status[0]), body
