import { describe, expect, it } from 'vitest'
import { userInfo } from 'node:os'
import { installerEnvironment } from '../attempts/environment.ts'
import { serviceEnvironment, windowsEnvironment } from './environment.ts'

const machine = { hostname: 'kasse-1-im-erdgeschoss.example.test', arch: 'x64', processors: 4 }

describe('the environment of child processes', () => {
  it('has the variables of a Windows service, even if the agent has none of them', () => {
    expect(windowsEnvironment({}, machine)).toMatchObject({
      OS: 'Windows_NT',
      COMPUTERNAME: 'KASSE-1-IM-ERDG',
      SystemRoot: 'C:\\Windows',
      windir: 'C:\\Windows',
      SystemDrive: 'C:',
      ComSpec: 'C:\\Windows\\System32\\cmd.exe',
      PATHEXT: expect.stringContaining('.EXE') as string,
      PROCESSOR_ARCHITECTURE: 'AMD64',
      NUMBER_OF_PROCESSORS: '4',
      ProgramFiles: 'C:\\Program Files',
      ProgramData: 'C:\\ProgramData',
      ALLUSERSPROFILE: 'C:\\ProgramData',
      PUBLIC: 'C:\\Users\\Public',
      TEMP: 'C:\\Windows\\Temp',
      TMP: 'C:\\Windows\\Temp',
    })
    expect(windowsEnvironment({}, { ...machine, arch: 'arm64' })).toMatchObject({
      PROCESSOR_ARCHITECTURE: 'ARM64',
    })
  })

  it('keeps the values that Windows has set, under their usual names', () => {
    const env = {
      COMPUTERNAME: 'KASSE-1',
      SYSTEMROOT: 'D:\\Windows',
      PATH: 'D:\\Tools',
      'ProgramFiles(x86)': 'D:\\Program Files (x86)',
      PROCESSOR_IDENTIFIER: 'Intel64 Family 6',
      PSModulePath: 'D:\\Modules',
      USERPROFILE: 'D:\\Windows\\system32\\config\\systemprofile',
    }
    const kept = windowsEnvironment(env, machine)
    expect(kept).toMatchObject({
      COMPUTERNAME: 'KASSE-1',
      SystemRoot: 'D:\\Windows',
      windir: 'D:\\Windows',
      SystemDrive: 'D:',
      Path: 'D:\\Tools',
      'ProgramFiles(x86)': 'D:\\Program Files (x86)',
      PROCESSOR_IDENTIFIER: 'Intel64 Family 6',
      PSModulePath: 'D:\\Modules',
      USERPROFILE: 'D:\\Windows\\system32\\config\\systemprofile',
    })
    expect(Object.keys(kept).filter((name) => /^(path|systemroot)$/i.test(name))).toHaveLength(2)
  })

  it('contains no variables of the agent, proxies or Node', () => {
    const env = {
      HTTPS_PROXY: 'http://user:secret@proxy',
      https_proxy: 'http://proxy',
      NODE_OPTIONS: '--require x',
      DEPLOYX_LOG_LEVEL: 'debug',
      DEPLOYX_CODE: 'secret',
    }
    expect(JSON.stringify(windowsEnvironment(env, machine))).not.toMatch(/proxy|NODE_|DEPLOYX_/i)
  })

  it.runIf(process.platform !== 'win32')('contains the user, as scripts expect it', () => {
    const { username, homedir } = userInfo()
    expect(serviceEnvironment()).toMatchObject({
      USER: username,
      LOGNAME: username,
      HOME: homedir,
      SHELL: expect.stringMatching(/^\//) as string,
      PATH: expect.stringContaining('/sbin') as string,
      LANG: 'C.UTF-8',
    })
    expect(
      Object.keys(serviceEnvironment()).filter((name) => /proxy|NODE|DEPLOYX/i.test(name)),
    ).toEqual([])
    const payload = { deployment_id: 1, target_id: 2, attempt: 3, attempt_id: 'a' } as never
    expect(installerEnvironment(payload, '/tmp/own')).toMatchObject({
      USER: username,
      TMPDIR: '/tmp/own',
      DEBIAN_FRONTEND: 'noninteractive',
      DEPLOYX_ATTEMPT: '3',
    })
  })
})
