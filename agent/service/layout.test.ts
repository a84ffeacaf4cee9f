import { describe, expect, it } from 'vitest'
import { hostCommandLine, launchdPlist, layoutOf, serviceWords, systemdUnit } from './layout.ts'
import { parseServiceState } from './managers.ts'

describe('the service', () => {
  it('on Linux restarts after any exit, and leaves a running installer alone', () => {
    const unit = systemdUnit(layoutOf('linux', {}))
    expect(unit).toContain(
      'ExecStart=/bin/sh /opt/deployx-agent/start.sh run --state /var/lib/deployx-agent\n',
    )
    for (const line of ['Restart=always', 'StartLimitIntervalSec=0', 'KillMode=process'])
      expect(unit.split('\n')).toContain(line)
    // systemd reads this one in [Unit] only.
    expect(unit.indexOf('StartLimitIntervalSec')).toBeLessThan(unit.indexOf('[Service]'))
  })

  it('on macOS starts at boot, restarts, and leaves a running installer alone', () => {
    const layout = layoutOf('macos', {})
    const plist = launchdPlist(layout)
    for (const key of ['RunAtLoad', 'KeepAlive', 'AbandonProcessGroup'])
      expect(plist).toMatch(new RegExp(`<key>${key}</key>\\s*<true/>`))
    for (const word of serviceWords(layout)) expect(plist).toContain(`<string>${word}</string>`)
  })

  it('on Windows runs from ProgramFiles and keeps its data in ProgramData', () => {
    const env = { ProgramFiles: 'D:\\Programs', ProgramData: 'D:\\Data' }
    const layout = layoutOf('windows', env)
    expect(hostCommandLine(layout)).toBe(
      '"D:\\Programs\\DeployX Agent\\deployx-agent.exe" run --state D:\\Data\\DeployX\\agent --log-file D:\\Data\\DeployX\\agent\\agent.log\n',
    )
  })

  it('has its state parsed in any language of Windows', () => {
    const german =
      '\r\nSERVICE_NAME: DeployXAgent \r\n        TYP                : 10  WIN32_OWN_PROCESS  \r\n        STATUS             : 4  RUNNING \r\n'
    expect(parseServiceState(german)).toBe(4)
    expect(parseServiceState('        STATE              : 1  STOPPED\n')).toBe(1)
    expect(parseServiceState('[SC] EnumQueryServicesStatus:OpenService FAILED 1060:')).toBeNull()
  })
})
