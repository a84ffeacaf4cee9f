#!/usr/bin/python3
"""A desktop for tests, on a session bus of its own: shows tray icons (StatusNotifierWatcher and host) and notifications.

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
# Several changes come together; they are read once.
SETTLE_MS = 80

DBusGMainLoop(set_as_default=True)
bus = dbus.SessionBus()
loop = GLib.MainLoop()


def say(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


class Tray:
    """The one icon that is shown: the latest that registered itself."""

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

    def object(self, path=None):
        if self.owner is None:
            raise RuntimeError("there is no tray icon")
        return bus.get_object(self.owner, path or self.path, introspect=False)

    def properties(self):
        return dbus.Interface(self.object(), PROPERTIES).GetAll(ITEM)

    def entries(self):
        menu_path = str(self.properties().get("Menu", ""))
        if not menu_path or menu_path == "/NO_DBUSMENU":
            return menu_path, []
        menu = dbus.Interface(self.object(menu_path), MENU)
        _revision, root = menu.GetLayout(0, -1, dbus.Array([], signature="s"))
        return menu_path, list(walk(root))[1:]

    def read(self):
        self.pending = None
        if self.owner is None:
            return False
        try:
            facts = self.describe()
        except dbus.DBusException as error:
            # Replaced while it was read: its successor tells of itself.
            if self.owner is not None:
                say("error", command="read", message=str(error))
            return False
        if facts != self.shown:
            self.shown = facts
            say("tray", **facts)
        return False

    def describe(self):
        properties = self.properties()
        pixmaps = properties.get("IconPixmap", [])
        pixels = b"".join(bytes(bytearray(pixmap[2])) for pixmap in pixmaps)
        _path, entries = self.entries()
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

    def activate(self):
        dbus.Interface(self.object(), ITEM).Activate(0, 0)

    def click(self, label):
        path, entries = self.entries()
        for entry_id, entry in entries:
            if entry.get("label") == label:
                menu = dbus.Interface(self.object(path), MENU)
                menu.Event(entry_id, "clicked", dbus.Int32(0, variant_level=1), dbus.UInt32(0))
                return
        raise RuntimeError(f"the menu has no entry {label!r}")


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
        # Some name their object, others a bus name.
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
