// The same broadcast on Socket.IO, for `cargo xtask load web`: whatever one client says, everybody in the room hears, in an
// object like a Narrative of ours. Prints the port that it listens on.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false, serveClient: false });
io.on("connection", (socket) => {
  socket.join("room");
  socket.on("say", (text) => {
    io.to("room").emit("Narrative", { author: "#97", at: Date.now(), lines: [{ text }] });
  });
});
http.listen(0, "127.0.0.1", 1024, () => console.log(http.address().port));
