; Included by the NSIS installer (electron-builder's `nsis.include`). The hub is a TLS server that agents connect to, so
; the installer opens its port, and the uninstaller closes it again. All profiles: an office switch without a router is
; an "unidentified network", which Windows treats as public. The rule applies to this program only.

!define FIREWALL_RULE "DeployX hub (TCP 7480)"
; Agents discover the hub by multicast (mDNS).
!define FIREWALL_RULE_DISCOVERY "DeployX discovery (UDP 5353)"

!macro customInstall
  ; An update runs this again: remove the old rule first, so that there is never more than one.
  nsExec::Exec 'netsh advfirewall firewall delete rule name="${FIREWALL_RULE}"'
  Pop $0
  nsExec::Exec 'netsh advfirewall firewall add rule name="${FIREWALL_RULE}" dir=in action=allow protocol=TCP localport=7480 program="$INSTDIR\${APP_EXECUTABLE_FILENAME}" profile=any enable=yes'
  Pop $0
  ${if} $0 != 0
    DetailPrint "The firewall rule could not be added (netsh: $0). Allow TCP port 7480 for DeployX by hand."
  ${endif}
  nsExec::Exec 'netsh advfirewall firewall delete rule name="${FIREWALL_RULE_DISCOVERY}"'
  Pop $0
  nsExec::Exec 'netsh advfirewall firewall add rule name="${FIREWALL_RULE_DISCOVERY}" dir=in action=allow protocol=UDP localport=5353 program="$INSTDIR\${APP_EXECUTABLE_FILENAME}" profile=any enable=yes'
  Pop $0
!macroend

!macro customUnInstall
  nsExec::Exec 'netsh advfirewall firewall delete rule name="${FIREWALL_RULE}"'
  Pop $0
  nsExec::Exec 'netsh advfirewall firewall delete rule name="${FIREWALL_RULE_DISCOVERY}"'
  Pop $0
!macroend
