#!/usr/bin/python3
"""A desktop for tests, on its own session bus: shows tray icons (StatusNotifierWatcher and host) and notifications.

Speaks JSON lines. Out, one object per event:
  {"event": "ready"}
  {"event": "tray", "tooltip", "status", "icon", "sizes", "menu": [{"label", "enabled", "separator"}]}   first and at each change
  {"event": "tray-gone"}
  {"event": "notification", "id", "app", "summary", "body", "actions"}
  {"event": "error", "command", "message"}
In, one object per command:
  {"do": "activate"}                  a click on the icon
  {"do": "menu", "label": TEXT}       a click on an entry of its menu
  {"do": "click-notification", "id": N}
The end of the input ends the program.

Specifications: freedesktop.org StatusNotifierItem, com.canonical.dbusmenu, Desktop Notifications 1.2.
"""
import hashlib
import json
import sys
import threading

import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

WATCHER = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
NOTIFICATIONS = "org.freedesktop.Notifications"
PROPERTIES = "org.freedesktop.DBus.Properties"
# Several changes arrive together; read them once.
SETTLE_MS = 80

DBusGMainLoop(set_as_default=True)
bus = dbus.SessionBus()
loop = GLib.MainLoop()


def say(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


class Tray:
    """The only icon shown: the one that registered last.

    Every call is asynchronous: the app shows notifications with a call that waits for this very program, so waiting
    for the app here would stop both.
    """

    def __init__(self):
        self.owner = None
        self.path = None
        self.shown = None
        self.pending = None

    def register(self, owner, path):
        self.owner, self.path, self.shown = owner, path, None
        self.read_soon()

    def lost(self, name):
        if name == self.owner:
            self.owner = None
            say("tray-gone")

    def read_soon(self):
        if self.pending is None:
            self.pending = GLib.timeout_add(SETTLE_MS, self.read)

    def read(self):
        self.pending = None
        owner = self.owner

        def failed(error):
            # Replaced or removed while it was read: a new icon registers itself.
            if owner == self.owner:
                say("error", command="read", message=str(error))

        def done(properties, _menu_path, entries):
            facts = describe(properties, entries)
            if owner == self.owner and facts != self.shown:
                self.shown = facts
                say("tray", **facts)

        if owner is not None:
            self.fetch(done, failed)
        return False

    def interface(self, name, path=None):
        if self.owner is None:
            raise RuntimeError("there is no tray icon")
        proxy = bus.get_object(self.owner, path or self.path, introspect=False)
        return dbus.Interface(proxy, name)

    def fetch(self, done, failed):
        """Properties of the icon, then its menu: done(properties, menu path, [(id, properties of the entry)])."""

        def got_properties(properties):
            path = str(properties.get("Menu", ""))
            if path in ("", "/NO_DBUSMENU"):
                done(properties, None, [])
                return
            self.interface(MENU, path).GetLayout(
                0,
                -1,
                dbus.Array([], signature="s"),
                reply_handler=lambda _revision, root: done(properties, path, list(walk(root))[1:]),
                error_handler=failed,
            )

        self.interface(PROPERTIES).GetAll(
            ITEM, reply_handler=got_properties, error_handler=failed
        )

    def activate(self):
        self.interface(ITEM).Activate(0, 0, ignore_reply=True)

    def click(self, label):
        def failed(error):
            say("error", command="menu", message=str(error))

        def done(_properties, path, entries):
            for entry_id, entry in entries:
                if entry.get("label") == label:
                    now = dbus.UInt32(0)
                    data = dbus.Int32(0, variant_level=1)
                    menu = self.interface(MENU, path)
                    # "Quit" gets no reply.
                    menu.Event(entry_id, "clicked", data, now, ignore_reply=True)
                    return
            failed(f"the menu has no entry {label!r}")

        self.fetch(done, failed)


def describe(properties, entries):
    pixmaps = properties.get("IconPixmap", [])
    pixels = b"".join(bytes(bytearray(pixmap[2])) for pixmap in pixmaps)
    return {
        "tooltip": str(properties.get("ToolTip", ["", [], "", ""])[2]),
        "status": str(properties.get("Status", "")),
        "icon": hashlib.sha256(pixels).hexdigest()[:16],
        "sizes": [[int(pixmap[0]), int(pixmap[1])] for pixmap in pixmaps],
        "menu": [
            {
                "label": str(entry.get("label", "")),
                "enabled": bool(entry.get("enabled", True)),
                "separator": entry.get("type", "") == "separator",
            }
            for _id, entry in entries
        ],
    }


def walk(node):
    yield node[0], node[1]
    for child in node[2]:
        yield from walk(child)


class Watcher(dbus.service.Object):
    def __init__(self, tray):
        super().__init__(bus, "/StatusNotifierWatcher")
        self.tray = tray

    @dbus.service.method(WATCHER, in_signature="s", sender_keyword="sender")
    def RegisterStatusNotifierItem(self, service, sender=None):
        # Some pass an object path, others a bus name.
        path = str(service) if service.startswith("/") else "/StatusNotifierItem"
        self.tray.register(sender, path)

    @dbus.service.method(WATCHER, in_signature="s")
    def RegisterStatusNotifierHost(self, _service):
        pass

    @dbus.service.method(PROPERTIES, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return self.GetAll(interface)[name]

    @dbus.service.method(PROPERTIES, in_signature="s", out_signature="a{sv}")
    def GetAll(self, _interface):
        return {
            "RegisteredStatusNotifierItems": dbus.Array([], signature="s"),
            "IsStatusNotifierHostRegistered": True,
            "ProtocolVersion": dbus.Int32(0),
        }


class NotificationServer(dbus.service.Object):
    def __init__(self):
        super().__init__(bus, "/org/freedesktop/Notifications")
        self.last_id = 0

    @dbus.service.method(NOTIFICATIONS, in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, app, _replaces, _icon, summary, body, actions, _hints, _timeout):
        self.last_id += 1
        facts = {"app": str(app), "summary": str(summary), "body": str(body)}
        say("notification", id=self.last_id, actions=[str(action) for action in actions], **facts)
        return dbus.UInt32(self.last_id)

    @dbus.service.method(NOTIFICATIONS, in_signature="u")
    def CloseNotification(self, notification):
        self.NotificationClosed(notification, 3)

    @dbus.service.method(NOTIFICATIONS, out_signature="as")
    def GetCapabilities(self):
        return ["body", "actions"]

    @dbus.service.method(NOTIFICATIONS, out_signature="ssss")
    def GetServerInformation(self):
        return ("probe", "probe", "1", "1.2")

    @dbus.service.signal(NOTIFICATIONS, signature="uu")
    def NotificationClosed(self, notification, reason):
        pass

    @dbus.service.signal(NOTIFICATIONS, signature="us")
    def ActionInvoked(self, notification, action):
        pass


tray = Tray()
names = [dbus.service.BusName(WATCHER, bus), dbus.service.BusName(NOTIFICATIONS, bus)]
watcher = Watcher(tray)
server = NotificationServer()
for interface in (ITEM, MENU):
    bus.add_signal_receiver(lambda *_args: tray.read_soon(), dbus_interface=interface)
bus.add_signal_receiver(
    lambda name, _old, new: tray.lost(name) if not new else None,
    signal_name="NameOwnerChanged",
    dbus_interface="org.freedesktop.DBus",
)


def carry_out(line):
    command = json.loads(line)
    try:
        match command["do"]:
            case "activate":
                tray.activate()
            case "menu":
                tray.click(command["label"])
            case "click-notification":
                server.ActionInvoked(command["id"], "default")
            case other:
                raise RuntimeError(f"there is no command {other!r}")
    except (RuntimeError, dbus.DBusException) as error:
        say("error", command=command["do"], message=str(error))
    return False


def listen():
    for line in sys.stdin:
        GLib.idle_add(carry_out, line)
    GLib.idle_add(loop.quit)


threading.Thread(target=listen, daemon=True).start()
say("ready")
loop.run()
